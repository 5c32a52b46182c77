// Addresses of thread-local variables (qGetTLSAddr), by glibc's own description of its data: the variables
// _thread_db_* of its nptl_db interface, whose addresses gdb looks up for us (qSymbol).
#pragma once
#include <map>
#include <string>

#include "gdbmi/rsp/target.h"

namespace fred::remote {

class ThreadLocals {
 public:
  void forget() { known_.clear(); }
  /// What gdb says of a symbol, or that it has new ones. The reply: the next question, or OK.
  std::string symbol(const Symbol& packet);
  /// Where the variable at `offset` of the object with this link map (0: a static program) lies for the thread whose FS
  /// base is given.
  Result<GuestAddr> address(Target& target, u64 fs_base, GuestAddr link_map, u64 offset) const;

 private:
  /// How a field of a structure of glibc's lies in it.
  struct Field {
    u64 bytes = 0, offset = 0;
  };
  Result<Field> field(Target& target, const std::string& name) const;

  std::map<std::string, GuestAddr> known_;
};

}  // namespace fred::remote
