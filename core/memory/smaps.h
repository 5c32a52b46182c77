// /proc/PID/smaps of a process that was not started by us, as mappings.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred {

/// One mapping as the kernel tells it.
struct KernelMapping {
  GuestRange range;
  int prot = 0;  // PROT_*
  bool shared = false;
  u64 offset = 0;
  u64 dev = 0, ino = 0;
  std::string path;  // the last column: a file, [heap], …, or empty
  // Of VmFlags.
  bool may_write = true, grows_down = false, no_reserve = false, accounted = false, dont_fork = false,
       wipe_on_fork = false;
  bool device = false;  // memory of a device (io, pf)

  bool is_file() const { return ino != 0; }
};

/// All of them, in ascending order.
Result<std::vector<KernelMapping>> parse_smaps(std::string_view text);

}  // namespace fred
