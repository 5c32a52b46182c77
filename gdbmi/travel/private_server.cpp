#include "gdbmi/travel/private_server.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace fred {

namespace asio = boost::asio;
using unix_stream = asio::local::stream_protocol;

Result<> PrivateServer::listen() {
  const char* const base = std::getenv("TMPDIR");
  std::string name = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/fred-gdb-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) return fail_errno(errno, "cannot make a folder in " + name);
  folder_ = name;
  try {
    acceptor_.emplace(io_, unix_stream::endpoint(socket()));
  } catch (const boost::system::system_error& e) {
    return fail("cannot listen: " + e.code().message());
  }
  fcntl(acceptor_->native_handle(), F_SETFD, FD_CLOEXEC);
  acceptor_->async_accept([this](const boost::system::error_code& error, auto peer) {
    if (error) return;
    UniqueFd in{fcntl(peer.native_handle(), F_DUPFD_CLOEXEC, 3)}, out{fcntl(peer.native_handle(), F_DUPFD_CLOEXEC, 3)};
    peer.close();
    acceptor_.reset();
    remove_files();
    connection_ = std::make_unique<remote::Connection>(io_, std::move(in), std::move(out), target_,
                                                       std::vector<std::string>{}, closed_);
  });
  return {};
}

void PrivateServer::remove_files() {
  if (folder_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
  folder_.clear();
}

}  // namespace fred
