// The session as an Execution, on programs that are really recorded.
#include <doctest/doctest.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <cerrno>

#include "reverse/session/session.h"

namespace fred {
namespace {

/// A program that has run to its end, with no snapshots but the first.
struct EndedSession {
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  Session session{io, {.engine = {}, .snapshots = false}};

  explicit EndedSession(const std::string& guest) {
    const std::string program = std::string(FRED_GUESTS) + "/" + guest;
    REQUIRE(session.start({.args = {program}}));
    bool done = false;
    session.run_live({}, [&](const Result<RunStop>& stop) {
      REQUIRE(stop);
      CHECK(stop->end == RunEnd::guest_end);
      done = true;
    });
    while (!done) io.run_one();
  }
};

}  // namespace

TEST_CASE("session: what is interrupted on its way is an error, and not where it happened to stop") {
  EndedSession ended("time/hot");
  auto& session = ended.session;
  const Time tip = session.tip();
  REQUIRE(tip.ticks > 1'000'000);
  const auto interrupted = [&](auto&& question) {
    boost::asio::post(ended.io, [&] { session.interrupt(); });
    const auto answer = question();
    return !answer && answer.error().code == EINTR;
  };
  CHECK(interrupted([&] { return session.first_of_tick(tip.ticks - 1); }));
  CHECK(interrupted([&] { return session.trace_before(tip, 10); }));
  CHECK(session.position() == tip);
  // Asked again, they answer.
  const auto first = session.first_of_tick(tip.ticks - 1);
  REQUIRE(first);
  CHECK(first->ticks == tip.ticks - 1);
  CHECK(interrupted([&] { return session.go_to(*first); }));
  CHECK(session.position() == tip);
  const auto points = session.trace_before(tip, 10);
  REQUIRE(points);
  CHECK(points->size() == 10);
}

}  // namespace fred
