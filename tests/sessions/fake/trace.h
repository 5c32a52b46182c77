// Every state of a short program: recorded once, by single steps, so that a fake session can be anywhere in it.
#pragma once
#include <sys/user.h>

#include <map>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred::test {

class Trace {
 public:
  /// Runs a static program, without arguments, to just before its exit.
  static Result<Trace> record(const std::string& program);

  /// States are numbered from 0; between two there is one instruction.
  u64 size() const { return registers_.size(); }
  const user_regs_struct& registers(u64 step) const { return registers_[step]; }
  /// False where nothing is mapped.
  bool read(u64 step, u64 address, u64 size, std::string& bytes) const;

 private:
  void note_page(u64 page, u64 step, std::string bytes);

  std::vector<user_regs_struct> registers_;
  std::map<u64, std::map<u64, std::string>> pages_;  // by address; the contents by the first step that has them
};

}  // namespace fred::test
