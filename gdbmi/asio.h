// The parts of Boost.Asio that are used here. Boost 1.74 needs <utility> before them (it uses std::exchange).
#pragma once
// clang-format off
#include <utility>
#include <boost/asio/io_context.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
// clang-format on

namespace fred {
namespace asio = boost::asio;
}  // namespace fred
