// reverse-watch of a recorded session.
#include <fmt/format.h>

#include <cerrno>

#include "gdbmi/travel/operation.h"
#include "reverse/search/expression_search.h"
#include "reverse/search/last_change.h"
#include "reverse/timeline/own_conditions.h"
#include "reverse/timeline/time_text.h"

namespace fred {

namespace {

/// gdb evaluates, wherever the session is put.
class GdbProbe final : public Probe {
 public:
  GdbProbe(Session& session, GdbQuestions& gdb, std::string call, std::function<void()> moved)
      : session_(session), gdb_(gdb), call_(std::move(call)), moved_(std::move(moved)) {}

  Result<ProbeValue> at(const Time& time) override {
    if (auto there = session_.go_to(time); !there) return std::unexpected(there.error());
    // What is called must not become a part of history.
    if (auto recorded = session_.show_recorded(); !recorded) return std::unexpected(recorded.error());
    moved_();
    const auto answer = ask_python(gdb_, call_);
    if (!answer) return std::unexpected(answer.error());
    if (answer->contains("error")) {
      error_ = answer->value("error", "");
      return ProbeValue{.identity = std::nullopt, .shown = "<no value>", .hidden = answer->value("hidden", false)};
    }
    return ProbeValue{.identity = answer->value("identity", ""), .shown = answer->value("shown", ""), .hidden = false};
  }
  Result<std::vector<Condition>> places() override { return places_ ? places_() : Probe::places(); }
  /// Asked for where values are hidden.
  void look_at(std::function<Result<std::vector<Condition>>()> places) { places_ = std::move(places); }
  const std::string& error() const { return error_; }

 private:
  Session& session_;
  GdbQuestions& gdb_;
  std::string call_;
  std::function<void()> moved_;
  std::function<Result<std::vector<Condition>>()> places_;
  std::string error_;
};

struct ValuesAround {
  ProbeValue before, after;
};

Result<ValuesAround> values_around(Probe& probe, const MemoryChange& change) {
  auto before = probe.at(change.at);
  if (!before) return std::unexpected(before.error());
  auto after = probe.at(change.after);
  if (!after) return std::unexpected(after.error());
  return ValuesAround{std::move(*before), std::move(*after)};
}

bool lies_in_frame(GuestRange range, const nlohmann::json& scope) {
  return scope.value("low", u64{0}) <= range.begin.value && range.begin.value < scope.value("cfa", u64{0});
}

Change change_between(const ValuesAround& values) {
  Change change;
  change.before = values.before.shown;
  change.after = values.after.shown;
  return change;
}

}  // namespace

/// `made`: the change has been made there already; the beginning of the statement may be long ago. In a loop on one
/// line it is so, too: others of its changes would lie between.
Result<> RecordedSession::arrive_before(Change& change, const Time& before, const Time& after,
                                        const std::function<Result<bool>(const Time&)>& made) {
  change.place = symbols_.place(before.pc);
  change.by_gdb = session_.tip_changes().made_at(before);
  change.landing.time = before;
  const bool executed_nothing = before.pc == after.pc && before.phase == after.phase;
  if (executed_nothing && session_.sees_others_at(before).value_or(false)) {
    change.remarks.push_back("Another process wrote it: it is seen here.");
  }
  if (!change.by_gdb) {
    const auto stop = land_before_change(*history_->timeline, before, after);
    if (stop && stop->end != TravelEnd::interrupted) {
      const auto turned = has_executed(before.pc, stop->time, before);
      if (!turned) return std::unexpected(turned.error());
      if (!*turned) change.landing.time = stop->time;
      landed_.reset();
    }
    if (change.landing.time != before && made) {
      const auto too_early = made(change.landing.time);
      if (!too_early) return std::unexpected(too_early.error());
      if (*too_early) change.landing.time = before;
    }
  }
  if (auto there = session_.go_to(change.landing.time); !there) return there;
  change.place += thread_here();
  return {};
}

/// In [from, to), by the thread that runs at `to`: the statement is a loop then, and has not made its last turn.
Result<bool> RecordedSession::has_executed(GuestAddr pc, const Time& from, const Time& to) {
  if (from == to) return false;
  if (auto there = session_.go_to(to); !there) return std::unexpected(there.error());
  const auto thread = running_thread();
  if (!thread) return std::unexpected(thread.error());
  OwnConditions own(*thread);
  own.add(pc, std::nullopt);
  const auto hits = history_->timeline->search().last(from, to, own.with({}), false, {});
  if (!hits) return std::unexpected(hits.error());
  return !hits->empty();
}

/// Which thread that is, if the program has several.
std::string RecordedSession::thread_here() {
  const auto threads = target_.threads();
  if (threads.size() < 2) return "";
  const auto running = std::ranges::find(threads, true, &ThreadFact::runs);
  return running == threads.end() ? "" : fmt::format(", thread {} \"{}\"", running->id, running->name);
}

/// The call of the invocation that the expression's locals belong to. Nothing: it is as old as history.
Result<std::optional<Time>> RecordedSession::lifetime(const nlohmann::json& scope, const Time& from,
                                                      Operation& operation) {
  const u64 cfa = scope.value("cfa", u64{0});
  const GuestAddr entry{scope.value("entry", u64{0})};
  if (cfa == 0 || entry.value == 0 || scope.value("outermost", false)) return std::nullopt;
  const u64 stack_pointer = cfa - 8;  // below it the return address
  const auto here = session_.point_at(from);
  if (!here) return std::unexpected(here.error());
  Time begin = from;
  if (from.pc != entry || from.phase != 0 || here->stack_pointer != stack_pointer) {
    OwnConditions own(scope.value("thread", ThreadId{0}));
    own.add(entry, stack_pointer);
    const auto hits = history_->timeline->search().last(session_.begin(), from, own.with({}), true, operation.token());
    if (!hits) return std::unexpected(hits.error());
    if (hits->empty()) return std::nullopt;
    begin = hits->front().at;
  }
  const auto call = session_.trace_before(begin, 1);
  if (!call) return std::unexpected(call.error());
  return call->empty() ? std::nullopt : std::optional(call->front().time);
}

Result<Change> RecordedSession::bisect(const ChangeRequest& request, GdbQuestions& gdb, Operation& operation) {
  const auto scope = ask_python(gdb, fmt::format("scope({})", python_string(request.expression)));
  if (!scope) return std::unexpected(scope.error());
  GdbProbe probe(session_, gdb, "value()", [this] { target_.moved(); });
  const auto here = probe.at(operation.from());
  if (!here) return std::unexpected(here.error());
  if (!here->identity) return fail(probe.error());
  const auto lowest = lifetime(*scope, operation.from(), operation);
  if (!lowest) return std::unexpected(lowest.error());
  if (scope->value("cfa", u64{0}) != 0) {
    probe.look_at([&]() -> Result<std::vector<Condition>> {
      const auto answer = ask_python(gdb, "places()");
      if (!answer) return std::unexpected(answer.error());
      OwnConditions own(scope->value("thread", ThreadId{0}));
      const u64 stack_pointer = scope->value("sp", u64{0});
      for (const u64 address : (*answer)["addresses"].get<std::vector<u64>>()) {
        own.add(GuestAddr{address}, stack_pointer == 0 ? std::nullopt : std::optional(stack_pointer));
      }
      return own.with({});
    });
  }
  ExpressionSearch search(session_, history_->timeline->search(), probe);
  search.on_progress([&](const ProbeProgress& p) { operation.show(fmt::format("{} probes", p.probes)); });
  const auto found = search.find(operation.from(), *lowest, operation.token());
  if (!found) return std::unexpected(found.error());
  if (found->same_at_start) {
    return fail(fmt::format("{} is {} at the start of history as well: no change was found ({} probes).",
                            request.expression, found->now.shown, found->probes));
  }
  Change change;
  change.before = found->old_value.shown;
  change.after = found->now.shown;
  change.probes = found->probes;
  auto before = found->before, after = found->after;
  const bool as_old_as_frame = found->begins && (found->adjacent || after.pc.value == scope->value("body", u64{0}));
  if (as_old_as_frame) {
    change.remarks.push_back("It has been so since this invocation began. --last goes on, if it is memory elsewhere.");
  } else if (found->begins) {
    const auto last = session_.trace_before(after, 1);
    if (!last) return std::unexpected(last.error());
    before = last->front().time;
    change.remarks.push_back("What it was in this invocation before could not be seen.");
  } else if (!found->adjacent) {
    change.remarks.push_back(fmt::format("Or by what follows, up to {}, time {}: the value could not be seen there.",
                                         symbols_.place(after.pc), print_time(after)));
  }
  // At the place of changes from within gdb it was either the instruction that led there, or they.
  if (const auto hidden = session_.tip_changes().hidden_until(after); hidden && before < hidden->begin) {
    auto between = probe.at(hidden->begin);
    if (!between) return std::unexpected(between.error());
    ++change.probes;
    if (*between == found->now) {
      after = hidden->begin;
    } else if (!between->hidden) {
      before = hidden->begin;
      change.before = between->shown;
    }
  }
  const auto made = [&](const Time& time) -> Result<bool> {
    const auto value = probe.at(time);
    if (!value) return std::unexpected(value.error());
    return *value == found->now;
  };
  if (auto there = arrive_before(change, before, after, made); !there) return std::unexpected(there.error());
  return change;
}

/// Nothing if the expression is no memory here.
Result<std::optional<Change>> RecordedSession::follow_writes(const ChangeRequest& request, GdbQuestions& gdb,
                                                             Operation& operation) {
  const auto scope = ask_python(gdb, fmt::format("scope({})", python_string(request.expression)));
  if (!scope) return std::unexpected(scope.error());
  const auto range = ask_memory(gdb, request.expression);
  if (!range) return std::unexpected(range.error());
  if (!*range) return std::nullopt;
  // What lies in the frame was something else before the frame was made.
  std::optional<Time> frame_begin;
  if (lies_in_frame(**range, *scope)) {
    const auto begin = lifetime(*scope, operation.from(), operation);
    if (!begin) return std::unexpected(begin.error());
    frame_begin = *begin;
  }
  const Time lowest = frame_begin.value_or(session_.begin());
  const auto found = last_change(*history_->timeline, **range, lowest, operation.from(), operation.token());
  if (!found) return std::unexpected(found.error());
  GdbProbe probe(session_, gdb, "stored()", [this] { target_.moved(); });
  if (!*found) {
    return fail(fmt::format("{} has not changed since the start of {}.", request.expression,
                            frame_begin ? "this invocation of its function" : "history"));
  }
  auto values = values_around(probe, **found);
  if (!values) return std::unexpected(values.error());
  auto change = change_between(*values);
  if (const auto n = count_changes(*history_->timeline, **range, lowest, operation.from(), operation.token())) {
    change.changes = *n;
  }
  if (auto there = arrive_before(change, (*found)->at, (*found)->after); !there) return std::unexpected(there.error());
  return change;
}

Result<Change> RecordedSession::follow_forward(const ChangeRequest& request, GdbQuestions& gdb, Operation& operation) {
  const auto scope = ask_python(gdb, fmt::format("scope({})", python_string(request.expression)));
  if (!scope) return std::unexpected(scope.error());
  const auto range = ask_memory(gdb, request.expression);
  if (!range) return std::unexpected(range.error());
  if (!*range) return fail(fmt::format("{} is no memory here: only memory is followed forwards.", request.expression));
  GdbProbe probe(session_, gdb, "stored()", [this] { target_.moved(); });
  OwnConditions end(scope->value("thread", ThreadId{0}));
  const GuestAddr back{scope->value("back", u64{0})};
  if (back.value != 0 && lies_in_frame(**range, *scope)) end.add(back, scope->value("cfa", u64{0}));
  for (Time from = operation.from();;) {
    const auto found = next_change(session_, **range, from, end.with({}));
    if (!found) return std::unexpected(found.error());
    if (!*found) {
      const bool returned = session_.position() < session_.tip();
      return fail(fmt::format("{} does not change before {}.", request.expression,
                              returned ? "its function returns" : "the end of history"));
    }
    auto values = values_around(probe, **found);
    if (!values) return std::unexpected(values.error());
    auto change = change_between(*values);
    if (auto there = arrive_before(change, (*found)->at, (*found)->after); !there)
      return std::unexpected(there.error());
    if (change.landing.time > operation.from()) return change;
    from = (*found)->after;  // made by the statement that one stands at
  }
}

Result<Change> RecordedSession::find_change(const ChangeRequest& request, GdbQuestions& gdb, Progress& progress) {
  if (!session_.has_program()) return fail("The program is not being run.");
  if (auto ready = symbols_.use(gdb); !ready) return std::unexpected(ready.error());
  Operation operation(*this, progress);
  if (request.forward) {
    auto change = follow_forward(request, gdb, operation);
    if (!change) return operation.undo(change.error());
    return change;
  }
  if (request.last) {
    auto change = follow_writes(request, gdb, operation);
    if (!change) return operation.undo(change.error());
    if (*change) return std::move(**change);
  }
  auto change = bisect(request, gdb, operation);
  if (!change) return operation.undo(change.error());
  if (request.last)
    change->remarks.push_back("Not guaranteed to be the last change: the expression is no memory here.");
  return change;
}

}  // namespace fred
