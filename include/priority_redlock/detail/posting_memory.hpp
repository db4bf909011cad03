// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_POSTING_MEMORY_HPP
#define PRIORITY_REDLOCK_DETAIL_POSTING_MEMORY_HPP

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace priority_redlock::detail {

/// Memory for what an operation will have to post. It is a part of the operation, so that at the end of a lock nothing
/// is allocated which could fail.
///
/// One block, for one function at a time. Executors give it back before they call the function (as Asio has them do),
/// and only then may the operation go.
template <std::size_t size>
class posting_memory
{
public:
    posting_memory() = default;
    posting_memory(const posting_memory&) = delete;
    posting_memory& operator=(const posting_memory&) = delete;

    /// Null if the block is taken, or too small.
    [[nodiscard]] void* take(std::size_t bytes) noexcept
    {
        if (taken_ || bytes > size)
            return nullptr;
        taken_ = true;
        return block_;
    }

    /// False if it is other memory: then this object may be gone, and is not looked at.
    [[nodiscard]] bool give_back(void* p) noexcept
    {
        if (p != block_)
            return false;
        taken_ = false;
        return true;
    }

private:
    alignas(std::max_align_t) std::byte block_[size];
    bool taken_ = false;
};

/// For a function that is posted to an `io_context`, and a little more.
using completion_memory = posting_memory<8 * sizeof(void*)>;

/// Allocates from the memory of an operation, and what it has no room for as another allocator does. `Pointer` owns the
/// memory where the function may be its last owner: some destroy that first and give its memory back then.
template <class T, class Memory, class Allocator, class Pointer = Memory*>
class posting_allocator
{
    using traits = typename std::allocator_traits<Allocator>::template rebind_traits<T>;

public:
    using value_type = T;

    template <class U>
    struct rebind
    {
        using other = posting_allocator<U, Memory, Allocator, Pointer>;
    };

    posting_allocator(Memory& memory, const Allocator& otherwise) noexcept
        requires std::is_pointer_v<Pointer>
        : memory_(&memory), otherwise_(otherwise)
    {
    }
    posting_allocator(Pointer memory, const Allocator& otherwise) noexcept
        requires(!std::is_pointer_v<Pointer>)
        : memory_(std::move(memory)), otherwise_(otherwise)
    {
    }
    template <class U>
    posting_allocator(const posting_allocator<U, Memory, Allocator, Pointer>& other) noexcept
        : memory_(other.memory_), otherwise_(other.otherwise_)
    {
    }

    [[nodiscard]] T* allocate(std::size_t n)
    {
        if constexpr (alignof(T) <= alignof(std::max_align_t))
            if (void* const p = memory_->take(n * sizeof(T)))
                return static_cast<T*>(p);
        typename traits::allocator_type allocator(otherwise_);
        return traits::allocate(allocator, n);
    }

    void deallocate(T* p, std::size_t n) noexcept
    {
        if (memory_->give_back(p))
            return;
        typename traits::allocator_type allocator(otherwise_);
        traits::deallocate(allocator, p, n);
    }

    template <class U>
    friend bool operator==(const posting_allocator& a,
                           const posting_allocator<U, Memory, Allocator, Pointer>& b) noexcept
    {
        return a.memory_ == b.memory_ && a.otherwise_ == b.otherwise_;
    }

private:
    template <class, class, class, class>
    friend class posting_allocator;

    Pointer memory_;
    [[no_unique_address]] Allocator otherwise_;
};

} // namespace priority_redlock::detail

#endif
