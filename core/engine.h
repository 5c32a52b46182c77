// The engine of one process: the guest and everything that runs, records or re-executes it.
#pragma once
#include <string>
#include <vector>

#include "core/base/types.h"
#include "core/syscalls/syscall.h"

namespace fred {

class GuestMemory;

/// What the guest is as a process, as it would see it natively.
struct GuestProcess {
  i32 thread = 0;                 // the kernel's id of its only thread in live
  std::string exe;                // absolute path of the executable, what /proc/self/exe reads as
  std::vector<std::string> args;  // argv
  std::vector<std::string> env;
  std::string comm;                // at most 15 bytes
  std::vector<u8> auxv;            // as on the initial stack, AT_NULL included
  GuestAddr robust_list;           // set_robust_list
  GuestRange args_area, env_area;  // the strings on the initial stack (/proc/self/cmdline reads them there)
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual Mode mode() const = 0;
  virtual GuestMemory& memory() = 0;
  virtual GuestProcess& process() = 0;

  /// True for a descriptor of the engine's own; the guest's calls on it are EBADF.
  virtual bool owns_descriptor(i64 fd) const = 0;
  /// Where stand-ins of mapped files go: an existing directory of this recording; empty in run mode.
  virtual const std::string& recording_dir() const = 0;
  /// Among the recorded processes that share that folder (core/tree/recorded_tree.h).
  virtual u32 process_number() const = 0;
  /// One line for the user on fred's own copy of stderr, at most once per process for each `key`.
  virtual void notice_once(u64 key, const std::string& line) = 0;

  // What the translator must hear of memory. Called before the change takes place.
  /// Translations made from this range are dropped, and its pages are no longer write-protected by us.
  virtual void code_gone(GuestRange range) = 0;
  /// The guest got an executable mapping here (after it is mapped).
  virtual void code_mapped(GuestRange range) = 0;
  /// Opens the pages of the range that the engine write-protects: code was translated from them, or they are shared and
  /// it wants to know when they are written.
  virtual void open_pages(GuestRange range) = 0;
  /// There is more or less of memory().foreign() than before.
  virtual void foreign_memory_changed() {}
};

}  // namespace fred
