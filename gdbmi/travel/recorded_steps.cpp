// Steps backwards of a recorded session, and what the conditions of the user's breakpoints, watchpoints and catchpoints
// do to them.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "gdbmi/travel/operation.h"

namespace fred {

namespace {

bool is_watch(const Condition& c) {
  return std::holds_alternative<WatchCondition>(c.what) || std::holds_alternative<RegisterCondition>(c.what);
}

}  // namespace

Result<Stop> RecordedSession::stop_on_the_way(Stop stop, UserPoints points, GdbQuestions& gdb, Operation& operation) {
  std::vector<Condition> conditions;
  for (const auto& d : points.dependent) conditions.push_back(d.at);
  std::map<Time, Stop> seen;                // that gdb is to see
  std::vector<Stop> looked_at;              // where conditions were evaluated
  std::map<ConditionId, Stop> last_change;  // of each watch: gdb compares the value at a hit with it
  const auto see_changes = [&] {
    for (const auto& d : points.dependent) {
      const auto hit = last_change.find(d.at.id);
      if (is_watch(d.at) && hit != last_change.end()) seen.emplace(hit->second.time, hit->second);
    }
  };
  const auto search = [&]() -> Result<> {
    for (Time before = operation.from();;) {
      auto hits = history_->timeline->search().last(stop.time, before, conditions, true, operation.token());
      if (!hits) return std::unexpected(hits.error());
      if (hits->empty()) return {};
      before = hits->front().at;
      nlohmann::json numbers = nlohmann::json::array();
      bool stops = false, counts = false;
      const Stop here{TravelEnd::hit, before, *hits};
      for (const auto& d : points.dependent) {
        const auto hit = std::ranges::find(*hits, d.at.id, &Hit::id);
        if (hit == hits->end()) continue;
        for (const auto& p : d.points) {
          if (!p.concerns(hit->number)) continue;
          counts = counts || p.prints;
          if (!p.prints) numbers.push_back(p.number);
        }
      }
      if (auto there = session_.go_to(before); !there) return std::unexpected(there.error());
      if (auto recorded = session_.show_recorded(); !recorded) return std::unexpected(recorded.error());
      target_.moved();
      if (looked_at.empty()) {
        if (const auto kept = ask_python(gdb, "keep_variables()"); !kept) return std::unexpected(kept.error());
      }
      looked_at.push_back(here);
      const auto answer = ask_python(gdb, fmt::format("holds({}, {})", numbers.dump(), running_thread().value_or(0)));
      if (!answer) return std::unexpected(answer.error());
      operation.show(fmt::format("{} conditions", looked_at.size()));
      for (const i64 n : (*answer)["holds"].get<std::vector<i64>>()) {
        const auto left = points.ignored.find(n);
        const bool ignored = left != points.ignored.end() && left->second != 0;
        if (ignored) --left->second;
        counts = counts || ignored;
        stops = stops || !ignored;
      }
      if (before == stop.time) {  // gdb comes here anyhow
        if (stops) stop.end = TravelEnd::hit;
        if (stops || counts) std::ranges::move(*hits, std::back_inserter(stop.hits));
      } else if (stops) {
        stop = here;
        return {};
      } else {
        if (counts) {
          see_changes();
          seen.emplace(before, here);
        }
        for (const auto& hit : *hits) last_change.insert_or_assign(hit.id, here);
      }
    }
  };
  const auto done = search();
  // gdb is about to evaluate the last one for itself. If that makes a difference to gdb, it evaluates all of them.
  if (!looked_at.empty()) {
    // To gdb the program has not moved yet: it compares the frame where it stops with the one that it left.
    if (auto there = session_.go_to(operation.from()); !there) return std::unexpected(there.error());
    target_.moved();
    const auto restored = ask_python(gdb, "restore_variables()");
    if (!done) return std::unexpected(done.error());
    if (!restored) return std::unexpected(restored.error());
    if (restored->value("changed", false)) {
      for (const auto& here : looked_at) {
        if (here.time != stop.time) {
          seen.emplace(here.time, here);
        } else if (stop.hits.empty()) {
          stop.hits = here.hits;
        }
      }
    }
  }
  if (!done) return std::unexpected(done.error());
  see_changes();
  passed_.clear();
  nlohmann::json answered = nlohmann::json::array();  // `stop` methods have been called where gdb comes to them now
  for (std::size_t n = 0; n < looked_at.size(); ++n) {
    const bool here = looked_at[n].time == stop.time && !stop.hits.empty();
    if (here || seen.contains(looked_at[n].time)) answered.push_back(n);
  }
  if (!answered.empty()) {
    const auto ready = ask_python(gdb, fmt::format("answer_stops({})", answered.dump()));
    if (!ready) return std::unexpected(ready.error());
  }
  for (auto& [time, hit] : seen | std::views::reverse) passed_.push_back(std::move(hit));
  if (auto there = session_.go_to(stop.time); !there) return std::unexpected(there.error());
  return stop;
}

Result<Stop> RecordedSession::step(const StepRequest& request, const std::vector<Condition>& conditions, u64 level) {
  using enum StepRequest::Kind;
  switch (request.kind) {
    case step:
      return history_->timeline->step(Direction::backward, request.count, conditions);
    case next:
    case until:
      return history_->timeline->next(Direction::backward, request.count, conditions);
    case stepi:
      return history_->timeline->step_instruction(Direction::backward, request.count, conditions);
    case nexti:
      return history_->timeline->next_instruction(Direction::backward, request.count, conditions);
    case finish:
      break;
  }
  return history_->timeline->finish(Direction::backward, level, conditions);
}

Result<ThreadId> RecordedSession::running_thread() {
  const auto peer = session_.here();
  return peer ? (*peer)->thread() : std::unexpected(peer.error());
}

/// Others have run since: first back to where this thread had the turn last. If it has lost it between two
/// instructions, it stands there as it does now. Else it has made a system call since, which waits: that instruction is
/// the first to be gone back over.
Result<Stop> RecordedSession::step_other(ThreadId thread, GuestAddr pc, const StepRequest& request,
                                         const std::vector<Condition>& conditions, u64 level) {
  const Time from = session_.position();
  const auto last = target_.last_point_of(thread, from);
  if (!last) return std::unexpected(last.error());
  if (!*last) return fail("This thread has executed nothing yet.");
  const Time to = **last;
  auto hits = history_->timeline->search().last(to, from, conditions, true, {});
  if (!hits) return std::unexpected(hits.error());
  const Time at = hits->empty() ? to : hits->front().at;
  if (auto there = session_.go_to(at); !there) return std::unexpected(there.error());
  if (!hits->empty()) return Stop{TravelEnd::hit, at, std::move(*hits)};
  if (to.pc == pc || request.kind == StepRequest::Kind::finish) return step(request, conditions, level);
  const auto line = symbols_.line_at(to.pc);
  const bool by_instruction = request.kind == StepRequest::Kind::stepi || request.kind == StepRequest::Kind::nexti;
  const bool arrived = by_instruction || (line && line->starts_statement && line->range.begin == to.pc);
  if (!arrived) return step(request, conditions, level);
  if (request.count > 1) return step({request.kind, request.count - 1}, conditions, level);
  return Stop{TravelEnd::arrived, at, {}};
}

Result<BackStep> RecordedSession::step_back(const StepRequest& request, GdbQuestions& gdb, Progress& progress) {
  passed_.clear();
  if (!session_.has_program() || session_.is_changed_in_past()) return BackStep{};
  // One `bs`, of which the target knows all but that another thread is selected: without a question.
  const bool one_bs = request.kind == StepRequest::Kind::stepi && request.count == 1;
  if (one_bs && target_.threads().size() < 2) return BackStep{};
  if (auto ready = symbols_.use(gdb); !ready) return BackStep{.landing = {}, .reason = "it has no Python"};
  const auto thread = ask_python(gdb, "thread()");
  if (!thread) return std::unexpected(thread.error());
  const auto selected_thread = static_cast<ThreadId>(thread->value("id", i64{0}));
  const auto running = running_thread();
  if (!running) return std::unexpected(running.error());
  if (one_bs && selected_thread == *running) return BackStep{};
  auto users = points(gdb, selected_thread);
  if (!users) return std::unexpected(users.error());
  if (!users->left.empty()) return BackStep{.landing = {}, .reason = users->left};
  u64 level = 0;
  if (request.kind == StepRequest::Kind::finish) {
    const auto selected = ask_python(gdb, "selected()");
    if (!selected) return std::unexpected(selected.error());
    // gdb alone can show the caller at the first instruction of what is inlined there.
    if (selected->value("inlined", false)) return BackStep{};
    level = selected->value("level", u64{0});
  }
  Operation operation(*this, progress);
  // An instruction that has raised a fault has not been executed: back from there is back from the instruction.
  if (Time here = operation.from(); here.phase != 0) {
    here.phase = 0;
    if (auto there = session_.go_to(here); !there) return operation.undo(there.error());
  }
  auto stop = selected_thread == *running
                  ? step(request, users->certain, level)
                  : step_other(selected_thread, GuestAddr{thread->value("pc", u64{0})}, request, users->certain, level);
  if (stop && stop->end != TravelEnd::interrupted && !users->dependent.empty()) {
    stop = stop_on_the_way(std::move(*stop), std::move(*users), gdb, operation);
  }
  auto landing = landing_of(stop);
  if (!landing) return operation.undo(landing.error());
  for (const auto& passed : passed_) landing->steps += target_.ends_step(passed.hits) ? 1 : 0;
  return BackStep{.landing = std::move(*landing)};
}

}  // namespace fred
