// What an instruction makes of a word of memory that it reads and writes, as a function of the word as it was: so that
// the exchange with others who write it can be tried again at once (core/dispatch/foreign_access.h).
#pragma once
#include <optional>
#include <span>

#include "core/arch/x86/state_window.h"
#include "core/translate/instruction.h"

namespace fred {

/// The low bytes of a word of memory.
using Word = unsigned __int128;

class WordOperation {
 public:
  /// Of an instruction that may have a lock prefix, xchg, and the like; nothing: it is another one. `size`: of the
  /// word, in bytes.
  static std::optional<WordOperation> of(const Instruction& instruction, std::span<const u8> code,
                                         const Registers& registers, u64 size);
  Word operator()(Word old) const;

 private:
  ZydisMnemonic mnemonic_{};
  u64 bits_ = 0;     // of the word
  Word source_ = 0;  // the other operand; of an exchange on a condition what is written, of a bit its place in the word
  Word compared_ = 0;
  bool carry_ = false;
};

}  // namespace fred
