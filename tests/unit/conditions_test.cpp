// Breaks, system calls, signals and traces: what collectors and running report is what single steps find.
#include <random>

#include "tests/unit/stepped_guest.h"

namespace fred {
namespace {

constexpr const char* guests[] = {"time/sorting", "time/repeat", "time/alarms", "time/stores"};

Condition break_at(u32 id, GuestAddr pc, std::optional<u64> sp = {}) {
  return {.id = ConditionId{id}, .what = BreakCondition{.pc = pc, .stack_pointer = sp}, .thread = {}};
}

/// A stretch with signals or faults if the guest has any, 1,500 steps or so.
std::pair<Time, Time> stretch_of(RecordedGuest& recorded, std::mt19937_64& random) {
  const auto events = recorded.events();
  std::vector<Time> places;
  for (const auto& e : events) {
    if (e.kind == EventKind::signal || e.kind == EventKind::fault) places.push_back(e.time);
  }
  const u64 ticks = recorded.end().ticks;
  const u64 middle = places.empty() ? ticks / 4 + random() % (ticks / 2) : places[random() % places.size()].ticks;
  const u64 length = std::min<u64>(middle, 150);
  auto worker = recorded.worker();
  const auto begin = worker.run_to({.ticks = middle - length, .pc = {}});
  REQUIRE(begin);
  const auto end = worker.run_to({.ticks = std::min(middle + 150, ticks - 1), .pc = {}});
  REQUIRE(end);
  return {begin->time, end->time};
}

/// The clock functions' own system calls are none of the guest's.
bool is_in_vdso(RecordedGuest& recorded, GuestAddr pc) {
  const auto maps = recorded.live.mappings();
  REQUIRE(maps);
  u64 begin = 0, end = 0;
  const auto line = maps->rfind('\n', maps->find("[vdso]")) + 1;
  REQUIRE(std::sscanf(maps->c_str() + line, "%lx-%lx", &begin, &end) == 2);
  return pc.value >= begin && pc.value < end;
}

/// Runs to `end` from stop to stop.
std::vector<Hit> run_through(Peer& worker, const Time& end) {
  std::vector<Hit> found;
  for (;;) {
    const auto at = worker.run_to(end);
    REQUIRE(at);
    if (at->reason == static_cast<u64>(StopReason::reached)) return found;
    REQUIRE(at->reason == static_cast<u64>(StopReason::hit));
    REQUIRE(!at->hits.empty());
    for (const auto& hit : at->hits) {
      CHECK(text_of(hit.after) == text_of(at->time));
      found.push_back(hit);
    }
  }
}

}  // namespace

TEST_CASE("conditions: breaks are counted and stopped at where steps pass") {
  std::mt19937_64 random(3);
  for (const auto& options : translator_switches) {
    for (const auto* guest : guests) {
      CAPTURE(guest);
      CAPTURE(options.empty() ? "" : options[0]);
      RecordedGuest recorded(guest, options);
      recorded.run_to_end();
      const auto [begin, end] = stretch_of(recorded, random);
      const SteppedGuest oracle(recorded, begin, end);
      const auto& times = oracle.times();
      std::vector<Condition> conditions;
      for (u32 i = 0; i < 20; ++i) {
        const auto& at = times[random() % times.size()];
        const auto sp = i % 3 == 0 ? std::optional(at.registers.gpr[rsp]) : std::nullopt;
        conditions.push_back(break_at(i, at.time.pc, sp));
      }
      conditions.push_back(break_at(20, times.front().time.pc));
      conditions.push_back(break_at(21, times.back().time.pc));
      conditions.push_back(break_at(22, times.back().time.pc, 1));
      conditions.push_back(conditions[5]);
      conditions.back().id = ConditionId{23};
      conditions.back().thread = 1;  // not the guest's
      auto collector = recorded.worker_at(begin, conditions);
      auto runner = recorded.worker_at(begin, conditions);
      const auto notes = collector.collect(end);
      REQUIRE(notes);
      CHECK(text_of(collector.now()->time) == text_of(end));
      const auto hits = run_through(runner, end);
      for (std::size_t c = 0; c < conditions.size(); ++c) {
        CAPTURE(c);
        const auto& what = std::get<BreakCondition>(conditions[c].what);
        std::vector<std::string> wanted, found;
        for (std::size_t i = 0; i + 1 < times.size(); ++i) {
          const auto& t = times[i].time;
          const bool there = t.pc == what.pc && t.rest == 0 && t.phase == 0 &&
                             what.stack_pointer.value_or(times[i].registers.gpr[rsp]) == times[i].registers.gpr[rsp];
          if (there && !conditions[c].thread) wanted.push_back(text_of(t));
        }
        const auto& note = (*notes)[c];
        CHECK(note.id == conditions[c].id);
        CHECK(note.count == wanted.size());
        CHECK((note.last ? text_of(note.last->at) : "") == (wanted.empty() ? "" : wanted.back()));
        if (!wanted.empty() && wanted.front() == text_of(begin)) wanted.erase(wanted.begin());
        for (const auto& hit : hits) {
          if (hit.id == conditions[c].id) found.push_back(text_of(hit.at));
        }
        CHECK(found == wanted);
      }
      CHECK(difference(state_of(collector), state_of(runner)) == "");
    }
  }
}

TEST_CASE("conditions: a trace is the list of steps") {
  std::mt19937_64 random(5);
  for (const auto* guest : guests) {
    CAPTURE(guest);
    RecordedGuest recorded(guest);
    recorded.run_to_end();
    const auto [begin, end] = stretch_of(recorded, random);
    const SteppedGuest oracle(recorded, begin, end);
    std::vector<TracePoint> wanted;
    auto worker = recorded.worker();
    const ThreadId thread = *worker.thread();
    CHECK(thread == recorded.live.pid());
    for (const auto& t : oracle.times()) {
      wanted.push_back({.time = t.time, .stack_pointer = t.registers.gpr[rsp], .thread = thread});
    }
    wanted.pop_back();
    for (const u64 most : {u64{1}, u64{100}, u64{100000}}) {
      auto tracer = recorded.worker();
      REQUIRE(tracer.run_to(begin));
      const auto points = tracer.trace(end, most);
      REQUIRE(points);
      const auto first = wanted.size() > most ? wanted.end() - static_cast<std::ptrdiff_t>(most) : wanted.begin();
      CHECK(*points == std::vector<TracePoint>(first, wanted.end()));
    }
  }
}

TEST_CASE("conditions: system calls before and behind, signals before they are delivered") {
  for (const auto& options : translator_switches) {
    for (const auto* guest : guests) {
      CAPTURE(guest);
      CAPTURE(options.empty() ? "" : options[0]);
      RecordedGuest recorded(guest, options);
      recorded.run_to_end();
      std::vector<std::string> wanted_calls, wanted_writes, wanted_signals;
      Time last;
      std::optional<u64> child_of;
      const auto events = recorded.events();
      for (const auto& e : events) {
        if (e.number == 0) continue;
        if (e.kind == EventKind::vfork_end) child_of.reset();
        if (child_of) continue;
        const auto& g = e.registers.gpr;
        if (e.kind == EventKind::signal || e.kind == EventKind::fault) wanted_signals.push_back(text_of(e.time));
        if (e.kind != EventKind::syscall || is_in_vdso(recorded, e.time.pc)) continue;
        wanted_calls.push_back(text_of(e.time));
        if (g[rax] == 1) wanted_writes.push_back(text_of(e.time));
        if (g[rax] == 56 && (g[rdi] & 0x4000) != 0) child_of = e.number;
        last = e.time;
      }
      const std::vector<Condition> conditions = {
          {.id = ConditionId{0}, .what = SyscallCondition{}, .thread = {}},
          {.id = ConditionId{1}, .what = SyscallCondition{.numbers = {1, 5000}}, .thread = {}},
          {.id = ConditionId{2}, .what = SignalCondition{}, .thread = {}},
          {.id = ConditionId{3}, .what = SignalCondition{.numbers = {SIGHUP}}, .thread = {}}};
      auto runner = recorded.worker(), collector = recorded.worker();
      REQUIRE(runner.set_conditions(conditions));
      REQUIRE(collector.set_conditions(conditions));
      const auto hits = run_through(runner, recorded.end());
      std::vector<std::string> calls, writes, signals;
      u64 returned = 0;
      for (const auto& hit : hits) {
        CHECK(hit.id != ConditionId{3});
        if (hit.returned) {
          returned += hit.id == ConditionId{0} ? 1 : 0;
        } else {
          (hit.id == ConditionId{0} ? calls : hit.id == ConditionId{1} ? writes : signals).push_back(text_of(hit.at));
        }
      }
      CHECK(calls.size() == wanted_calls.size() - 1);  // the last, exit_group, is at the end itself
      wanted_calls.pop_back();
      CHECK(calls == wanted_calls);
      CHECK(writes == wanted_writes);
      CHECK(signals == wanted_signals);
      CHECK(returned <= wanted_calls.size());  // one that a signal interrupts begins anew
      CHECK(returned + signals.size() >= wanted_calls.size());
      const auto notes = collector.collect(recorded.end());
      REQUIRE(notes);
      CHECK((*notes)[0].count == calls.size() + returned);
      CHECK((*notes)[2].count == signals.size());
      CHECK((*notes)[3].count == 0);
      if (!signals.empty()) CHECK(text_of((*notes)[2].last->at) == signals.back());
      CHECK(difference(state_of(collector), state_of(runner)) == "");
    }
  }
}

TEST_CASE("conditions: live stops at them as its workers do") {
  RecordedGuest recorded("time/alarms");
  auto& live = recorded.live;
  const std::vector<Condition> conditions = {{.id = ConditionId{7}, .what = SignalCondition{}, .thread = {}},
                                             {.id = ConditionId{8}, .what = SyscallCondition{}, .thread = {}}};
  REQUIRE(live.set_conditions(conditions));
  auto worker = recorded.worker();
  REQUIRE(worker.set_conditions(conditions));
  int signals = 0, calls = 0;
  for (int i = 0; i < 300; ++i) {
    const auto at = live.run_on();
    REQUIRE(at);
    if (at->reason != static_cast<u64>(StopReason::hit)) break;
    const auto& hit = at->hits.back();
    const auto waiting = live.waiting_signal();
    REQUIRE(waiting);
    if (hit.id == ConditionId{7}) {
      ++signals;
      REQUIRE(waiting->has_value());
      CHECK((*waiting)->number == static_cast<int>(hit.number));
      CHECK((*waiting)->fault == (at->time.phase == 1));
    } else {
      ++calls;
      if (at->hits.size() > 1) continue;
      const auto call = live.at_system_call();
      REQUIRE(call);
      REQUIRE(call->has_value());
      CHECK((*call)->number == hit.number);
      CHECK((*call)->returned == hit.returned);
    }
  }
  CHECK(signals >= 20);
  CHECK(calls > 30);
  REQUIRE(live.set_conditions({}));
  recorded.run_to_end();
  auto whole = recorded.worker();
  const auto verified = whole.ask({.kind = MessageKind::verify});
  REQUIRE(verified);
  CHECK(verified->kind == MessageKind::verified);
}

TEST_CASE("conditions: collecting is exact while requests come at any instruction") {
  RecordedGuest recorded("time/hot");
  recorded.run_to_end();
  Registers marker{};
  for (const auto& e : recorded.events()) {
    if (e.registers.gpr[rax] == 1 && e.registers.gpr[rdi] == 1000) marker = e.registers;
  }
  const GuestAddr function{marker.gpr[r10]}, variable{marker.gpr[rsi]};
  const Condition at_function = break_at(1, function);
  const Condition at_variable{
      .id = ConditionId{2}, .what = WatchCondition{.range = guest_range(variable, 8)}, .thread = {}};
  std::vector<Condition> conditions;
  for (const bool watch : {false, true}) {
    conditions = {at_function};
    if (watch) conditions.push_back(at_variable);
    std::vector<std::string> found;
    for (const int prods : {0, 3000}) {
      auto worker = recorded.worker();
      REQUIRE(worker.set_conditions(conditions));
      const auto tag = worker.send(Peer::collect_message(recorded.end()));
      REQUIRE(tag);
      for (int i = 0; i < prods; ++i) worker.prod();  // a request that turns out to be nothing
      const auto answer = worker.wait(*tag);
      REQUIRE(answer);
      const auto notes = worker.notes_of(*answer);
      REQUIRE(notes);
      std::string text;
      for (const auto& n : *notes) text += fmt::format("{} {}; ", n.count, n.last ? text_of(*n.last) : "");
      found.push_back(text);
      CHECK((*notes)[0].count == 2000000);
      if (watch) CHECK((*notes)[1].count == 2000000);
      CHECK(text_of(worker.now()->time) == text_of(recorded.end()));
    }
    CHECK(found[0] == found[1]);
  }
  // One that is meant stops it.
  auto worker = recorded.worker();
  REQUIRE(worker.set_conditions(conditions));
  const auto tag = worker.send(Peer::collect_message(recorded.end()));
  REQUIRE(tag);
  REQUIRE(worker.interrupt());
  const auto answer = worker.wait(*tag);
  REQUIRE(answer);
  const auto notes = worker.notes_of(*answer);
  if (!notes) CHECK(notes.error().code == EINTR);
}

TEST_CASE("conditions: a snapshot of a worker wherever it can stand") {
  RecordedGuest recorded("time/stores");
  recorded.run_to_end();
  const auto m = markers_of(recorded);
  const std::vector<Condition> conditions = {
      {.id = ConditionId{0}, .what = SyscallCondition{}, .thread = {}},
      {.id = ConditionId{2}, .what = SignalCondition{}, .thread = {}},
      {.id = ConditionId{3}, .what = WatchCondition{.range = guest_range(m.areas[0].begin, 30)}, .thread = {}}};
  auto runner = recorded.worker();
  REQUIRE(runner.run_to(m.begin));
  REQUIRE(runner.set_conditions(conditions));
  for (int stops = 0; stops < 200; ++stops) {
    const auto at = runner.run_to(m.end);
    REQUIRE(at);
    if (at->reason != static_cast<u64>(StopReason::hit)) break;
    auto snapshot = runner.snapshot();
    REQUIRE(snapshot);
    auto worker = snapshot->worker();
    REQUIRE(worker);
    CHECK(difference(state_of(*worker), state_of(runner)) == "");
    const auto end = worker->run_on();
    REQUIRE(end);
    CHECK(end->reason == static_cast<u64>(StopReason::guest_end));
    CHECK(text_of(end->time) == text_of(recorded.end()));
  }
}

TEST_CASE("conditions: what is refused, and texts of any length") {
  RecordedGuest recorded("time/sorting");
  auto& live = recorded.live;
  CHECK(!live.set_conditions({break_at(1, GuestAddr{1}), break_at(1, GuestAddr{2})}));
  CHECK(!live.collect({.ticks = 5, .pc = {}}));
  CHECK(!live.trace({.ticks = 5, .pc = {}}, 10));
  std::vector<Condition> many;
  for (u32 i = 0; i < 50000; ++i) many.push_back(break_at(i, GuestAddr{0x1000 + i}));
  CHECK(live.set_conditions(many));
  CHECK(live.set_conditions({}));
  const auto maps = live.mappings();
  REQUIRE(maps);
  CHECK(maps->find("[stack]") != std::string::npos);
  CHECK(live.exe()->ends_with("time/sorting"));
  CHECK(live.auxv()->size() > 100);
  CHECK(!*live.is_edited());
  const auto registers = registers_of(live);
  const auto stack = live.memory(GuestAddr{registers.gpr[rsp] + 100}, 60);
  REQUIRE(stack);
  const auto found = live.search_memory({GuestAddr{registers.gpr[rsp]}, GuestAddr{~u64{0}}}, *stack);
  REQUIRE(found);
  REQUIRE(found->has_value());
  CHECK(**found <= GuestAddr{registers.gpr[rsp] + 100});
}

}  // namespace fred
