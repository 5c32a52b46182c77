// Stop reply packets (gdb manual, "Stop Reply Packets").
#pragma once
#include <string>

#include "gdbmi/rsp/target.h"

namespace fred::remote {

/// How threads and processes are written: with their process once gdb has said that it can read that.
struct Naming {
  bool with_process = false;
  i64 process = 0;

  std::string thread(ThreadId id) const;
};

/// `registers` are sent along (number and bytes in hex, "10:…;"), so that gdb need not ask for the most wanted ones.
std::string stop_reply(const StopEvent& event, const Naming& naming, ThreadId thread, const std::string& registers);

}  // namespace fred::remote
