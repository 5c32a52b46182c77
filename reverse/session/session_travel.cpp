// The session as an Execution: the position in history, and questions about other Times.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "core/dispatch/run_control.h"
#include "reverse/session/passed_changes.h"
#include "reverse/session/program.h"
#include "reverse/session/run_cost.h"
#include "reverse/timeline/stop.h"
#include "reverse/timeline/time_text.h"

namespace fred {

namespace {

/// A snapshot this many ticks before the position is near: re-executing that much costs less than the fork.
constexpr u64 near_ticks = 2000;
/// So many points are traced at least, for the steps back to come.
constexpr u64 shortest_trail = 256;

/// Where history ends for a worker: live stands there.
Message horizon_message(const Time& tip) {
  Message m{.kind = MessageKind::horizon};
  m.set_time(tip);
  return m;
}

std::unexpected<Error> no_such_time(const Time& t) {
  return fail("there is no Time " + print_time(t) + " in this history");
}

}  // namespace

Time Session::begin() const { return program_ ? program_->snapshots.first() : Time{}; }
Time Session::tip() const { return program_ ? program_->tip : Time{}; }
Time Session::position() const { return program_ ? program_->position : Time{}; }
u64 Session::edition() const { return program_ ? program_->tip_changes.edition() : 0; }

std::vector<Time> Session::snapshots() const {
  if (!program_) return {};
  auto times = program_->snapshots.times();
  std::erase_if(times, [&](const Time& t) { return program_->tip_changes.around(t).has_value(); });
  return times;
}

Session::SnapshotCosts Session::snapshot_costs() const {
  if (!program_) return {};
  auto& set = program_->snapshots;
  std::vector<u64> bytes;
  for (const Time& t : snapshots()) bytes.push_back(own_memory(set.latest_until(t)->peer.pid()));
  return {.bytes = std::move(bytes),
          .taking = set.policy().cost(),
          .program_time = program_->live ? run_cost(pid()).processor_time : std::chrono::nanoseconds{}};
}

void Session::tell_fewer(const std::string& why) {
  if (std::exchange(fewer_told_, true) || !notice_) return;
  notice_("fewer snapshots: going back may take longer (" + why + ")");
}

bool Session::make_room(const Error& why) {
  auto& p = *program_;
  tell_fewer(why.message);
  return p.snapshots.no_room(p.tip, p.position);
}

Result<Peer> Session::worker_before(const Time& t, HistoryEnd end) {
  auto& p = *program_;
  for (;;) {
    auto* snapshot = p.snapshots.latest_until(t);
    if (snapshot == nullptr) return fail("that is before the start of history");
    auto worker = snapshot->peer.worker();
    if (worker) {
      if (end == HistoryEnd::tip) {
        if (auto sent = worker->send(horizon_message(p.tip)); !sent) return std::unexpected(sent.error());
      }
      return worker;
    }
    if (is_no_room(worker.error())) {
      // Processes that have just been killed take room until they are gone.
      if (p.children.wait() || make_room(worker.error())) continue;
    } else {
      tell_fewer("a process of one has gone");
    }
    if (snapshot->time == begin()) return worker;
    p.snapshots.drop(snapshot->time);  // an earlier one may do
  }
}

Result<Time> Session::approach(Peer& worker, const Time& t, Leave leave) {
  auto& p = *program_;
  std::vector<u64> places;
  if (leave == Leave::snapshots) {
    const auto now = worker.now();
    if (!now) return std::unexpected(now.error());
    places = p.snapshots.policy().fine_places(now->time.ticks, t.ticks, near_ticks);
  }
  for (const u64 ticks : places) {
    const auto at = attention_.go(worker, run_to_message({.ticks = ticks, .pc = {}}));
    if (!at) return std::unexpected(at.error());
    if (attention_.interrupted()) return interrupted();
    if (at->time >= t) break;
    // One that cannot be taken here (within a vfork child, no room) is done without.
    auto snapshot = worker.snapshot();
    if (snapshot) {
      p.snapshots.add_fine(at->time, std::move(*snapshot), p.tip, t);
    } else if (is_no_room(snapshot.error())) {
      (void)make_room(snapshot.error());
      break;
    }
  }
  const auto at = attention_.go(worker, run_to_message(t));
  if (!at) return std::unexpected(at.error());
  if (static_cast<StopReason>(at->reason) == StopReason::interrupted) return interrupted();
  if (t.pc.value != 0 && at->time != t) return no_such_time(t);
  return at->time;
}

Result<> Session::go_to(const Time& time) {
  if (!program_) return fail("no program is being debugged");
  attention_.begin();
  if (auto dropped = drop_changes(true); !dropped) return dropped;
  auto& p = *program_;
  if (time == p.position && (p.worker || p.live) && !(time == p.tip && p.live)) return {};
  if (time == p.tip && p.live) {
    stand_at_tip();
    return {};
  }
  if (time < begin() || time > p.tip) return no_such_time(time);
  auto worker = worker_before(time);
  if (!worker) return std::unexpected(worker.error());
  if (auto there = approach(*worker, time, Leave::snapshots); !there) {
    p.children.end(std::move(*worker));
    return std::unexpected(there.error());
  }
  p.end_worker();
  p.worker = std::move(*worker);
  p.position = time;
  return {};
}

Result<> Session::show_recorded() {
  auto& p = *program_;
  if (p.worker) return {};
  attention_.begin();
  auto worker = worker_before(p.position, HistoryEnd::unknown);  // what is called runs beyond the tip
  if (!worker) return std::unexpected(worker.error());
  if (auto there = approach(*worker, p.position, Leave::nothing); !there) {
    p.children.end(std::move(*worker));
    return std::unexpected(there.error());
  }
  p.worker = std::move(*worker);
  return {};
}

Result<Peer*> Session::probe(const Time& t) {
  if (!program_) return fail("no program is being debugged");
  attention_.begin();
  auto& p = *program_;
  if (t == p.position && !p.change) return here();
  if (t < begin() || t > p.tip) return no_such_time(t);
  const auto* nearest = p.snapshots.latest_until(t);
  if (!p.probe || p.probe->time > t || p.probe->time < nearest->time) {
    p.end_probe();
    auto worker = worker_before(t);
    if (!worker) return std::unexpected(worker.error());
    p.probe.emplace(t, std::move(*worker));
  }
  if (auto there = approach(p.probe->peer, t, Leave::nothing); !there) {
    p.end_probe();
    return std::unexpected(there.error());
  }
  p.probe->time = t;
  return &p.probe->peer;
}

Result<Time> Session::first_of_tick(u64 ticks) {
  if (!program_) return fail("no program is being debugged");
  auto& p = *program_;
  if (ticks > p.tip.ticks) return p.tip;
  if (ticks <= begin().ticks) return begin();
  attention_.begin();
  auto worker = worker_before({.ticks = ticks, .pc = {}});
  if (!worker) return std::unexpected(worker.error());
  const auto at = [&]() -> Result<Time> {
    const auto first = approach(*worker, {.ticks = ticks, .pc = {}}, Leave::nothing);
    if (!first) return first;
    const auto hidden = p.tip_changes.around(*first);
    return hidden ? approach(*worker, hidden->end, Leave::nothing) : first;
  }();
  if (!at) {
    p.children.end(std::move(*worker));
    return at;
  }
  p.end_probe();
  p.probe.emplace(*at, std::move(*worker));
  return at;
}

Result<std::vector<Note>> Session::collect(const Time& from, const Time& to, const std::vector<Condition>& conditions) {
  if (!program_) return fail("no program is being debugged");
  attention_.begin();
  auto worker = worker_before(from);
  if (!worker) return std::unexpected(worker.error());
  auto& p = *program_;
  const auto notes = [&]() -> Result<std::vector<Note>> {
    std::vector<Note> all;
    for (const auto& c : conditions) all.push_back({.id = c.id, .count = 0, .last = {}});
    for (const auto& part : p.tip_changes.visible(from, to)) {
      if (auto set = worker->set_conditions({}); !set) return std::unexpected(set.error());
      const auto now = worker->now();
      if (!now) return std::unexpected(now.error());
      if (now->time < part.begin) {
        if (auto there = approach(*worker, part.begin, Leave::nothing); !there) return std::unexpected(there.error());
      }
      if (auto set = worker->set_conditions(conditions); !set) return std::unexpected(set.error());
      const auto answer = attention_.ask(*worker, Peer::collect_message(part.end));
      if (!answer) return std::unexpected(answer.error());
      auto of_part = worker->notes_of(*answer);
      if (!of_part) return of_part;
      for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].count += (*of_part)[i].count;
        if ((*of_part)[i].last) all[i].last = std::move((*of_part)[i].last);
      }
      const auto hidden = p.tip_changes.around(part.end);
      if (!hidden || hidden->begin != part.end || part.end >= to) continue;
      if (auto noted = note_changes(*worker, *hidden, to, conditions, all); !noted) {
        return std::unexpected(noted.error());
      }
    }
    return all;
  }();
  p.children.end(std::move(*worker));
  return notes;
}

/// What collect() notes of changes before `to`, at the first of which `worker` stands; it goes to the point behind
/// them.
Result<> Session::note_changes(Peer& worker, const Span& hidden, const Time& to,
                               const std::vector<Condition>& conditions, std::vector<Note>& notes) {
  if (hidden.end < to && hidden.begin.pc == hidden.end.pc) {
    if (auto noted = note_before_changes(worker, hidden.end, conditions, notes); !noted) return noted;
  }
  const Span changes{hidden.begin, std::min(hidden.end, to)};
  const auto before = watched_bytes(worker, conditions);
  if (!before) return std::unexpected(before.error());
  if (before->empty()) return {};
  if (auto set = worker.set_conditions({}); !set) return set;
  if (auto there = approach(worker, changes.end, Leave::nothing); !there) return std::unexpected(there.error());
  const auto after = watched_bytes(worker, conditions);
  if (!after) return std::unexpected(after.error());
  for (auto& hit : changed_over(changes, conditions, *before, *after)) {
    auto& note = *std::ranges::find(notes, hit.id, &Note::id);
    ++note.count;
    note.last = std::move(hit);
  }
  return {};
}

Result<std::vector<TracePoint>> Session::trace_before(const Time& to, u64 most) {
  if (!program_) return fail("no program is being debugged");
  auto& p = *program_;
  auto known_until = std::ranges::lower_bound(p.trail, to, {}, &TracePoint::time);
  const bool known =
      !p.trail.empty() && (to == p.trail_end || (known_until != p.trail.end() && known_until->time == to));
  const bool enough =
      known && (static_cast<u64>(known_until - p.trail.begin()) >= most || p.trail.front().time == begin());
  if (!enough) {
    attention_.begin();
    // Each tick is at least one point.
    const u64 wanted = std::max(most, shortest_trail);
    const Time start = p.tip_changes.ticks_before(to, wanted, begin());
    auto worker = worker_before(start);
    if (!worker) return std::unexpected(worker.error());
    auto points = [&]() -> Result<std::vector<TracePoint>> {
      std::vector<TracePoint> all;
      for (const auto& part : p.tip_changes.visible(start, to)) {
        const auto first = approach(*worker, part.begin, all.empty() ? Leave::snapshots : Leave::nothing);
        if (!first) return std::unexpected(first.error());
        const auto answer = attention_.ask(*worker, Peer::trace_message(part.end, ~u64{0}));
        if (!answer) return std::unexpected(answer.error());
        const auto of_part = worker->trace_points_of(*answer);
        if (!of_part) return of_part;
        all.insert(all.end(), of_part->begin(), of_part->end());
      }
      return all;
    }();
    p.children.end(std::move(*worker));
    if (!points) return points;
    p.trail = std::move(*points);
    p.trail_end = to;
    known_until = p.trail.end();
  }
  const auto count = std::min<u64>(most, static_cast<u64>(known_until - p.trail.begin()));
  return std::vector<TracePoint>(known_until - static_cast<std::ptrdiff_t>(count), known_until);
}

/// A worker that stands where `peer` does.
Result<Peer> Session::worker_of(Peer& peer) {
  auto& p = *program_;
  for (;;) {
    auto snapshot = peer.snapshot();
    auto worker = snapshot ? snapshot->worker() : std::unexpected(snapshot.error());
    if (snapshot) p.children.end(std::move(*snapshot));
    if (worker || !is_no_room(worker.error())) return worker;
    if (!p.children.wait() && !make_room(worker.error())) return worker;
  }
}

Result<std::vector<TracePoint>> Session::trace_after(const Time& from, u64 most) {
  const auto peer = probe(from);
  if (!peer) return std::unexpected(peer.error());
  std::vector<TracePoint> points;
  auto& p = *program_;
  // Steps move the process: it is not left as the position or the probe.
  auto worker = worker_of(**peer);
  if (!worker) return std::unexpected(worker.error());
  const auto walked = [&]() -> Result<> {
    if (auto sent = worker->send(horizon_message(p.tip)); !sent) return std::unexpected(sent.error());
    for (Time last = from; points.size() < most && last < p.tip;) {
      const auto at = attention_.go(*worker, {.kind = MessageKind::step, .number = {1}});
      if (!at) return std::unexpected(at.error());
      if (at->time == last) break;
      last = at->time;
      if (const auto hidden = p.tip_changes.around(last)) {
        const auto behind = approach(*worker, hidden->end, Leave::nothing);
        if (!behind) return std::unexpected(behind.error());
        last = *behind;
      }
      const auto registers = worker->registers();
      if (!registers) return std::unexpected(registers.error());
      const auto thread = worker->thread();
      if (!thread) return std::unexpected(thread.error());
      points.push_back({.time = last, .stack_pointer = registers->gpr[rsp], .thread = *thread});
    }
    return {};
  }();
  p.children.end(std::move(*worker));
  if (!walked) return std::unexpected(walked.error());
  return points;
}

Result<std::vector<u8>> Session::memory_at(const Time& time, GuestAddr at, u64 size) {
  const auto peer = probe(time);
  if (!peer) return std::unexpected(peer.error());
  auto bytes = (*peer)->memory(at, size);
  if (bytes && bytes->size() != size)
    return fail_errno(EFAULT, fmt::format("memory at {:#x}", at.value + bytes->size()));
  return bytes;
}

Result<TracePoint> Session::point_at(const Time& time) {
  const auto peer = probe(time);
  if (!peer) return std::unexpected(peer.error());
  const auto registers = (*peer)->registers();
  if (!registers) return std::unexpected(registers.error());
  const auto thread = (*peer)->thread();
  if (!thread) return std::unexpected(thread.error());
  return TracePoint{.time = time, .stack_pointer = registers->gpr[rsp], .thread = *thread};
}

}  // namespace fred
