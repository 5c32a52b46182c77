// What the user changes of the guest. At the tip an edit is an event: a worker repeats it, and it ticks, so the guest
// before and behind it are two Times. In a worker it is not recorded: the worker leaves history (GuestEngine::
// is_edited()), executes only what needs nothing from outside, and stops where it would.
//
// In the log: an event of kind `edit`, detail EditKind, with a value item (`at`) and one with the bytes.
#pragma once
#include <string>

#include "core/base/types.h"

namespace fred {

enum class EditKind : u8 {
  memory,       // the bytes, at `at`
  registers,    // struct Registers; a fault that the instruction at another pc has raised is forgotten
  vector,       // an XSAVE area in the standard format
  signal,       // the fault that was raised is not delivered; what is instead is an event of its own
  signal_info,  // siginfo_t of the signal that is delivered next
};

struct Edit {
  EditKind kind{};
  u64 at = 0;
  std::string bytes = {};
};

}  // namespace fred
