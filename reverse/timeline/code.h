// Symbols as one command sees them: answers are kept for the command, and the prologue is told from the first line.
#pragma once
#include <unordered_map>

#include "reverse/timeline/symbols.h"

namespace fred {

class Code {
 public:
  explicit Code(Symbols& symbols) : symbols_(symbols) {}

  /// As Symbols::line_at, but a line that begins with its function's prologue is two ranges: the prologue, in which
  /// nothing stops, and what comes from the function's body on. Trampolines have none: the dynamic linker's lines
  /// matter only to a step that begins there.
  const std::optional<Line>& line(GuestAddr pc) {
    static const std::optional<Line> none;
    const Answers& known = at(pc);
    return !in_trampoline_ && known.function && known.function->trampoline ? none : known.line;
  }
  /// A step begins here.
  void begin_at(GuestAddr pc) { in_trampoline_ = function(pc) && function(pc)->trampoline; }
  const std::optional<Function>& function(GuestAddr pc) { return at(pc).function; }
  bool is_entry(GuestAddr pc) { return at(pc).function && at(pc).function->entry == pc; }
  /// Both are known, and differ.
  bool different_functions(GuestAddr a, GuestAddr b) {
    const std::optional<Function> one = function(a);
    const std::optional<Function>& other = function(b);
    return one && other && one != other;
  }
  bool in_prologue(GuestAddr pc) {
    const std::optional<Function>& f = function(pc);
    return f && f->entry <= pc && pc < f->body;
  }
  /// A step goes into this code, where it would go over a call otherwise.
  bool enters(GuestAddr pc) {
    if (!line(pc)) return false;
    const std::optional<Function>& f = function(pc);
    return !f || !f->skipped;
  }
  Symbols& symbols() { return symbols_; }

 private:
  struct Answers {
    std::optional<Line> line;
    std::optional<Function> function;
  };
  const Answers& at(GuestAddr pc);

  Symbols& symbols_;
  std::unordered_map<u64, Answers> known_;
  bool in_trampoline_ = false;
};

}  // namespace fred
