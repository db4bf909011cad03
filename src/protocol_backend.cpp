#include <priority_redlock/detail/initiate_manager.hpp>
#include <stdexcept>
namespace priority_redlock::detail {
std::unique_ptr<manager_backend> make_protocol_backend(const asio::any_io_executor&, std::shared_ptr<protocol>, const manager_options&)
{ throw std::invalid_argument("not yet"); }
}
