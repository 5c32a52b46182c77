// The handlers of the command table, by file, and what they share.
#pragma once
#include "gdbmi/commands/command.h"

namespace fred::handlers {

using Arguments = std::string_view;

/// A count: 1 if there is none. What is no number is given to gdb ("$n+1").
Result<u64> count(CommandContext& c, Arguments arguments);
/// Makes a move visible.
Result<> arrive(CommandContext& c, const Result<Landing>& landing);
/// An Error without a program.
Result<Where> need_program(CommandContext& c);
/// "main () at list.c:12", of the innermost frame.
std::string place(CommandContext& c);

// reverse.cpp
Result<> reverse_step(CommandContext& c, Arguments a);
Result<> reverse_next(CommandContext& c, Arguments a);
Result<> reverse_finish(CommandContext& c, Arguments a);
Result<> reverse_until(CommandContext& c, Arguments a);
Result<> reverse_stepi(CommandContext& c, Arguments a);
Result<> reverse_nexti(CommandContext& c, Arguments a);
Result<> reverse_continue(CommandContext& c, Arguments a);
Result<> record(CommandContext& c, Arguments a);
// search.cpp
Result<> reverse_watch(CommandContext& c, Arguments a);
Result<> last(CommandContext& c, Arguments a);
// travel.cpp
Result<> when(CommandContext& c, Arguments a);
Result<> go_to(CommandContext& c, Arguments a);
Result<> undo(CommandContext& c, Arguments a);
Result<> back(CommandContext& c, Arguments a);
Result<> forward(CommandContext& c, Arguments a);
// marks.cpp
Result<> bookmark(CommandContext& c, Arguments a);
Result<> info_bookmarks(CommandContext& c, Arguments a);
Result<> delete_bookmark(CommandContext& c, Arguments a);
Result<> checkpoint(CommandContext& c, Arguments a);
Result<> restart(CommandContext& c, Arguments a);
Result<> info_checkpoints(CommandContext& c, Arguments a);
Result<> delete_checkpoint(CommandContext& c, Arguments a);
// session.cpp
Result<> info_timeline(CommandContext& c, Arguments a);
Result<> info_snapshots(CommandContext& c, Arguments a);
Result<> info_processes(CommandContext& c, Arguments a);
Result<> process(CommandContext& c, Arguments a);
Result<> history(CommandContext& c, Arguments a);
Result<> stats(CommandContext& c, Arguments a);
Result<> source(CommandContext& c, Arguments a);
Result<> set_fred(CommandContext& c, Arguments a);
Result<> show_fred(CommandContext& c, Arguments a);
Result<> set_prompt(CommandContext& c, Arguments a);
Result<> show_prompt(CommandContext& c, Arguments a);
Result<> help(CommandContext& c, Arguments a);
Result<> no_tui(CommandContext& c, Arguments a);

}  // namespace fred::handlers
