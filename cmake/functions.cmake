# Copyright (c) 2026 the priority-redlock authors
# Distributed under the Boost Software License, Version 1.0.
# (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

# Reads a files.txt, the list that CMake and b2 share: a file name a line, '#' starts a comment line.
function(priority_redlock_read_list result file)
    file(STRINGS ${file} lines REGEX "^[^#]")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    set(${result} ${lines} PARENT_SCOPE)
endfunction()

# Finds Boost with these components for `who`, or refuses in one line that says what to do. All parts use the Boost that the
# first of them found: two versions in one program do not go together.
function(priority_redlock_find_boost who version)
    if(Boost_VERSION_STRING)
        find_package(Boost ${Boost_VERSION_STRING} EXACT QUIET CONFIG COMPONENTS ${ARGN})
    else()
        find_package(Boost ${version} QUIET CONFIG COMPONENTS ${ARGN})
        set(Boost_VERSION_STRING "${Boost_VERSION_STRING}" PARENT_SCOPE)
    endif()
    set(missing ${ARGN})
    list(TRANSFORM missing PREPEND Boost::)
    list(JOIN missing ", " wanted)
    foreach(target IN LISTS missing)
        if(TARGET ${target})
            list(REMOVE_ITEM missing ${target})
        endif()
    endforeach()
    if(NOT missing AND Boost_VERSION_STRING VERSION_GREATER_EQUAL ${version})
        return()
    endif()
    set(found none)
    if(Boost_VERSION_STRING)
        set(found ${Boost_VERSION_STRING})
        if(missing)
            list(JOIN missing " and " missing)
            string(APPEND found " without ${missing}")
        endif()
    elseif(Boost_CONSIDERED_VERSIONS)
        list(JOIN Boost_CONSIDERED_VERSIONS ", " found)
    endif()
    # The space in front keeps CMake from breaking the line.
    message(
        FATAL_ERROR
            " ${who} needs Boost ${version} or newer with ${wanted} (found: ${found}): name its prefix in CMAKE_PREFIX_PATH; "
            "tools/install-boost builds one and prints its prefix"
    )
endfunction()

# Warnings are for our own code: never part of a target's interface.
function(priority_redlock_enable_warnings target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
    # g++ 12 sees overlapping copies inside std::string where there are none (gcc.gnu.org/PR105651).
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
        target_compile_options(${target} PRIVATE -Wno-restrict)
    endif()
    # Sources that share a translation unit see each other's names; b2 compiles each by itself.
    get_target_property(is_unity ${target} UNITY_BUILD)
    if(is_unity)
        target_compile_options(${target} PRIVATE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
    endif()
    if(PRIORITY_REDLOCK_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
endfunction()

# A library of this project: static or, with BUILD_SHARED_LIBS, shared with no names but the public ones.
function(priority_redlock_add_library target component)
    add_library(${target} ${ARGN})
    add_library(priority_redlock::${component} ALIAS ${target})
    set_target_properties(
        ${target}
        PROPERTIES EXPORT_NAME ${component}
                   POSITION_INDEPENDENT_CODE ON
                   CXX_VISIBILITY_PRESET hidden
                   VISIBILITY_INLINES_HIDDEN ON
                   INSTALL_RPATH $ORIGIN # where the others are
                   VERSION ${PROJECT_VERSION}
                   SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    )
    get_target_property(type ${target} TYPE)
    if(type STREQUAL SHARED_LIBRARY)
        target_compile_definitions(${target} PUBLIC PRIORITY_REDLOCK_DYN_LINK PRIVATE PRIORITY_REDLOCK_SOURCE)
        target_link_options(${target} PRIVATE -Wl,--no-undefined)
    endif()
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    priority_redlock_enable_warnings(${target})
endfunction()

# Installs a library for CMake and for pkg-config. `needed`: the libraries below it, which who links a static one names; after
# it those, a string as well, which its users call themselves and name in any case.
function(priority_redlock_install target component needed)
    install(TARGETS ${target} EXPORT priority_redlock-${component}-targets)
    install(
        EXPORT priority_redlock-${component}-targets
        NAMESPACE priority_redlock::
        DESTINATION ${package_dir}
    )

    set(requires)
    if(NOT component STREQUAL core)
        set(requires "priority_redlock = ${PROJECT_VERSION}")
    endif()
    get_filename_component(boost_libraries ${Boost_DIR}/../.. ABSOLUTE)
    set(boost_headers ${Boost_INCLUDE_DIRS})
    if(NOT boost_headers) # older Boosts that CMake built do not say
        get_filename_component(boost_headers ${boost_libraries}/../include ABSOLUTE)
    endif()
    string(REGEX REPLACE "([^ ]+)" "-l\\1" needed "${needed}")
    string(REGEX REPLACE "([^ ]+)" "-l\\1" used "${ARGN}")
    set(below "${used} ${needed}")
    set(below_private)
    set(definitions)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL SHARED_LIBRARY)
        set(definitions -DPRIORITY_REDLOCK_DYN_LINK)
        set(below "${used}")
        set(below_private "${needed}")
    endif()
    set(description "${PROJECT_DESCRIPTION}: ${component}")
    file(RELATIVE_PATH prefix_from_here ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX}) # it may be moved
    configure_file(${PROJECT_SOURCE_DIR}/cmake/pkg-config.pc.in ${PROJECT_BINARY_DIR}/${target}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${target}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

# Instruments every target of the calling directory and below.
macro(priority_redlock_enable_sanitizer sanitizer)
    if("${sanitizer}" STREQUAL "address")
        add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
        # g++ warns of values it only cannot follow through the instrumentation, as its manual says.
        add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
        add_link_options(-fsanitize=address,undefined)
    elseif("${sanitizer}" STREQUAL "thread")
        add_compile_options(-fsanitize=thread)
        add_link_options(-fsanitize=thread)
    elseif(NOT "${sanitizer}" STREQUAL "")
        message(FATAL_ERROR "PRIORITY_REDLOCK_SANITIZER is '${sanitizer}': use 'address', 'thread' or ''")
    endif()
endmacro()
