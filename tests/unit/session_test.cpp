// The session as an Execution, on programs that are really recorded.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>

#include "reverse/session/session.h"
#include "temporary_folder.h"
#include "test.h"

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

namespace {

constexpr ConditionId forked{1}, vforked{2}, executed{3};

std::vector<Condition> process_conditions() {
  using enum ProcessCondition::Event;
  return {{.id = forked, .what = ProcessCondition{fork}, .thread = {}},
          {.id = vforked, .what = ProcessCondition{vfork}, .thread = {}},
          {.id = executed, .what = ProcessCondition{exec}, .thread = {}}};
}

/// A program that stops at each child and each program it executes, and lets them go; until its end.
struct FollowedSession {
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  Session session{io, {.engine = {}, .snapshots = false}};
  std::vector<Hit> hits;

  explicit FollowedSession(const std::string& guest) {
    REQUIRE(session.start({.args = {std::string(FRED_GUESTS) + "/" + guest}}));
    while (!session.end()) {
      std::optional<RunStop> stop;
      session.run_live({.conditions = process_conditions()}, [&](const Result<RunStop>& s) {
        REQUIRE(s);
        stop = *s;
      });
      while (!stop) io.run_one();
      for (const auto& hit : stop->hits) {
        hits.push_back(hit);
        if (hit.id == executed) continue;
        const auto* child = session.process_of(static_cast<pid_t>(hit.number));
        if (child == nullptr) {  // a vfork's that executes nothing is part of its parent
          CHECK(hit.id == vforked);
          continue;
        }
        CHECK(child->held);
        session.let_go(child->place.number);
        CHECK_FALSE(child->held);
      }
    }
  }
};

}  // namespace

TEST_CASE("session: children are held where they begin, and noted in history as they were met") {
  for (const char* guest : {"process/forking", "process/spawn_forms", "process/exec_other"}) {
    CAPTURE(guest);
    FollowedSession followed(guest);
    auto& session = followed.session;
    REQUIRE(!followed.hits.empty());
    const auto notes = session.collect(session.begin(), session.tip(), process_conditions());
    REQUIRE(notes);
    for (const auto& note : *notes) {
      const auto of_condition = [&](const Hit& hit) { return hit.id == note.id; };
      CHECK(note.count == static_cast<u64>(std::ranges::count_if(followed.hits, of_condition)));
      const auto last = std::find_if(followed.hits.rbegin(), followed.hits.rend(), of_condition);
      if (last == followed.hits.rend()) continue;
      REQUIRE(note.last);
      CHECK(note.last->at == last->at);
      CHECK(note.last->number == last->number);
    }
  }
}

TEST_CASE("session: every process of a recording is opened and gone back in, and stays where it is") {
  FollowedSession followed("process/forking");
  auto& session = followed.session;
  const Time first_tip = session.tip();
  std::vector<std::pair<u32, Time>> positions;
  const auto all = session.processes();
  REQUIRE(all.size() > 3);
  for (const auto* process : all) {
    const u32 number = process->place.number;
    CAPTURE(number);
    REQUIRE(session.open(number));
    CHECK(session.process_number() == number);
    CHECK(session.is_open(number));
    REQUIRE(session.end());
    if (process->end) {
      CHECK(session.end()->by_signal == process->end->by_signal);
      CHECK(session.end()->status == process->end->status);
    }
    CHECK(session.position() == session.tip());
    REQUIRE(session.go_to(session.begin()));
    const auto middle = session.first_of_tick((session.begin().ticks + session.tip().ticks) / 2);
    REQUIRE(middle);
    REQUIRE(session.go_to(*middle));
    positions.emplace_back(number, *middle);
  }
  CHECK_FALSE(session.open(static_cast<u32>(1000)));
  for (const auto& [number, time] : positions) {
    REQUIRE(session.open(number));
    CHECK(session.position() == time);
  }
  REQUIRE(session.open(1));
  REQUIRE(session.go_to(first_tip));
  // At the first one's end all others have made all of their events.
  for (const auto& other : session.align_others()) {
    CAPTURE(other.number);
    REQUIRE(other.time);
    REQUIRE(session.open(other.number));
    CHECK(session.position() == session.tip());
  }
  REQUIRE(session.open(1));
  REQUIRE(session.go_to(session.begin()));
  for (const auto& other : session.align_others()) {
    CAPTURE(other.number);
    REQUIRE(other.time);
    REQUIRE(session.open(other.number));
    CHECK(session.position() == session.begin());
  }
}

}  // namespace fred
