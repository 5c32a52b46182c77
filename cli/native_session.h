// A session without time travel: gdb debugs by itself, natively.
#pragma once
#include "gdbmi/commands/travel_session.h"

namespace fred {

class NativeSession : public TravelSession {
 public:
  std::vector<std::string> gdb_commands() override { return {}; }
  void use_terminal(ProgramTerminal&) override {}
  bool owns_program() const override { return false; }
  Result<> allow(LifeCycle, std::string_view, GdbQuestions&) override { return {}; }
  void next_stop(const Landing&) override {}

  std::optional<Where> where() override { return std::nullopt; }
  std::string print(const Time&) const override { return ""; }
  Result<Time> find(std::string_view) override { return cannot(); }

  Result<Landing> go_to(const Time&, Progress&) override { return cannot(); }
  Result<BackStep> step_back(const StepRequest&, GdbQuestions&, Progress&) override {
    return BackStep{};  // gdb can, after `record`
  }
  Result<Change> find_change(const ChangeRequest&, GdbQuestions&, Progress&) override { return cannot(); }
  Result<Landing> undo(u64, Progress&) override { return cannot(); }
  Result<Landing> back(u64, Progress&) override { return cannot(); }
  Result<Landing> forward(u64, Progress&) override { return cannot(); }

  Result<Mark> add_mark(Mark::Kind, std::string_view, std::string_view) override { return cannot(); }
  Result<> remove_mark(Mark::Kind, u64) override { return cannot(); }
  std::vector<Mark> marks(Mark::Kind) override { return {}; }

  void note(const CommandDone&) override {}
  std::vector<std::string> history() override { return {}; }
  Result<SavedCommand> parse_history_line(std::string_view) const override { return cannot(); }
  std::vector<SnapshotInfo> snapshots() override { return {}; }
  std::string statistics() override { return "Nothing is recorded.\n"; }

 private:
  static std::unexpected<Error> cannot() { return fail("this session cannot travel in time"); }
};

}  // namespace fred
