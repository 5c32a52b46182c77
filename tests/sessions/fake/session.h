// A session on a Trace: history is the trace, a Time's ticks are its steps. For tests of the prompt.
#pragma once
#include <nlohmann/json.hpp>

#include "gdbmi/commands/travel_session.h"
#include "tests/sessions/fake/target.h"

namespace fred::test {

class FakeSession final : public TravelSession {
 public:
  FakeSession(asio::io_context& io, const Trace& trace, std::string socket)
      : trace_(trace), socket_(std::move(socket)), target_(io, trace, socket_) {}

  std::vector<std::string> gdb_commands() override { return {"target remote " + socket_}; }
  void use_terminal(ProgramTerminal&) override {}
  bool owns_program() const override { return true; }
  Result<> allow(LifeCycle command, std::string_view arguments, GdbQuestions& gdb) override;
  void next_stop(const Landing& landing) override { target_.next_stop(landing.time.ticks); }

  std::optional<Where> where() override;
  std::string print(const Time& time) const override;
  Result<Time> find(std::string_view text) override;

  Result<Landing> go_to(const Time& time, Progress& progress) override;
  Result<BackStep> step_back(const StepRequest& request, GdbQuestions& gdb, Progress& progress) override;
  Result<Change> find_change(const ChangeRequest& request, GdbQuestions& gdb, Progress& progress) override;
  Result<Landing> undo(u64 count, Progress& progress) override;
  Result<Landing> back(u64 count, Progress& progress) override;
  Result<Landing> forward(u64 count, Progress& progress) override;

  Result<Mark> add_mark(Mark::Kind kind, std::string_view name, std::string_view place) override;
  Result<> remove_mark(Mark::Kind kind, u64 number) override;
  std::vector<Mark> marks(Mark::Kind kind) override;

  void note(const CommandDone& command) override;
  std::vector<std::string> history() override { return history_; }
  Result<SavedCommand> parse_history_line(std::string_view line) const override;
  std::vector<SnapshotInfo> snapshots() override { return {{at(0), 1 << 20}, {at(target_.tip() / 2), 2 << 20}}; }
  std::string statistics() override { return "steps recorded: " + std::to_string(trace_.size()) + "\n"; }

 private:
  Time at(u64 step) const { return {step, GuestAddr{trace_.registers(step).rip}}; }
  Result<std::string> value_at(u64 step, std::string_view expression, GdbQuestions& gdb);

  const Trace& trace_;
  std::string socket_;
  Target target_;
  std::vector<Mark> marks_;
  std::vector<std::string> history_;
  std::vector<u64> before_moves_;  // for undo
};

}  // namespace fred::test
