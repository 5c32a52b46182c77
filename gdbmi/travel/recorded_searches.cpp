// reverse-watch of a recorded session.
#include <fmt/format.h>

#include <cerrno>

#include "gdbmi/travel/operation.h"
#include "reverse/search/expression_search.h"
#include "reverse/search/last_change.h"

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
      return ProbeValue{.identity = std::nullopt, .shown = "<no value>"};
    }
    return ProbeValue{.identity = answer->value("identity", ""), .shown = answer->value("shown", "")};
  }
  const std::string& error() const { return error_; }

 private:
  Session& session_;
  GdbQuestions& gdb_;
  std::string call_;
  std::function<void()> moved_;
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

Change change_between(const ValuesAround& values) {
  Change change;
  change.before = values.before.shown;
  change.after = values.after.shown;
  return change;
}

}  // namespace

Result<> RecordedSession::arrive_before(Change& change, const Time& before, const Time& after) {
  change.place = symbols_.place(before.pc);
  change.by_gdb = session_.tip_changes().made_at(before);
  change.landing.time = before;
  if (!change.by_gdb) {
    const auto stop = land_before_change(*history_->timeline, before, after);
    if (stop && stop->end != TravelEnd::interrupted) {
      change.landing.time = stop->time;
      landed_.reset();
    }
  }
  if (auto there = session_.go_to(change.landing.time); !there) return there;
  change.place += thread_here();
  return {};
}

/// Which thread that is, if the program has several.
std::string RecordedSession::thread_here() {
  const auto threads = target_.threads();
  if (threads.size() < 2) return "";
  const auto running = std::ranges::find(threads, true, &ThreadFact::runs);
  return running == threads.end() ? "" : fmt::format(", thread {} \"{}\"", running->id, running->name);
}

Result<Change> RecordedSession::bisect(const ChangeRequest& request, GdbQuestions& gdb, Operation& operation) {
  const auto text = python_string(request.expression);
  const auto scope = ask_python(gdb, fmt::format("scope({})", text));
  if (!scope) return std::unexpected(scope.error());
  GdbProbe probe(session_, gdb,
                 fmt::format("value({}, {}, {})", text, scope->value("function", u64{0}), scope->value("cfa", u64{0})),
                 [this] { target_.moved(); });
  const auto here = probe.at(operation.from());
  if (!here) return std::unexpected(here.error());
  if (!here->identity) return fail(probe.error());
  ExpressionSearch search(session_, probe);
  search.on_progress([&](const ProbeProgress& p) { operation.show(fmt::format("{} probes", p.probes)); });
  const auto found = search.find(operation.from(), operation.token());
  if (!found) return std::unexpected(found.error());
  if (found->same_at_start) {
    return fail(fmt::format("{} is {} at the start of history as well: no change was found ({} probes).",
                            request.expression, found->now.shown, found->probes));
  }
  Change change;
  change.before = found->old_value.shown;
  change.after = found->now.shown;
  change.probes = found->probes;
  // At the place of changes from within gdb it was either the instruction that led there, or they.
  auto before = found->before, after = found->after;
  if (const auto hidden = session_.tip_changes().hidden_until(after); hidden && before < hidden->begin) {
    auto between = probe.at(hidden->begin);
    if (!between) return std::unexpected(between.error());
    ++change.probes;
    if (*between == found->now) {
      after = hidden->begin;
    } else {
      before = hidden->begin;
      change.before = between->shown;
    }
  }
  if (auto there = arrive_before(change, before, after); !there) return std::unexpected(there.error());
  return change;
}

/// Nothing if the expression is no memory here.
Result<std::optional<Change>> RecordedSession::follow_writes(const ChangeRequest& request, GdbQuestions& gdb,
                                                             Operation& operation) {
  const auto range = ask_memory(gdb, request.expression);
  if (!range) return std::unexpected(range.error());
  if (!*range) return std::nullopt;
  const auto found = last_change(*history_->timeline, **range, operation.from(), operation.token());
  if (!found) return std::unexpected(found.error());
  GdbProbe probe(session_, gdb, "stored()", [this] { target_.moved(); });
  if (!*found) return fail(fmt::format("{} has not changed since the start of history.", request.expression));
  auto values = values_around(probe, **found);
  if (!values) return std::unexpected(values.error());
  auto change = change_between(*values);
  if (const auto n =
          count_changes(*history_->timeline, **range, session_.begin(), operation.from(), operation.token())) {
    change.changes = *n;
  }
  if (auto there = arrive_before(change, (*found)->at, (*found)->after); !there) return std::unexpected(there.error());
  return change;
}

Result<Change> RecordedSession::follow_forward(const ChangeRequest& request, GdbQuestions& gdb, Operation& operation) {
  const auto range = ask_memory(gdb, request.expression);
  if (!range) return std::unexpected(range.error());
  if (!*range) return fail(fmt::format("{} is no memory here: only memory is followed forwards.", request.expression));
  GdbProbe probe(session_, gdb, "stored()", [this] { target_.moved(); });
  for (Time from = operation.from();;) {
    const auto found = next_change(session_, **range, from);
    if (!found) return std::unexpected(found.error());
    if (!*found) return fail(fmt::format("{} does not change before the end of history.", request.expression));
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
