// Touching guest memory from the engine cannot crash it: a fault within these functions is caught by the
// kernel signal handler and becomes their result.
#pragma once
#include "core/base/types.h"

namespace fred {

/// Copies from guest memory; false if any byte is not readable (what was copied before stays).
bool guest_read(void* to, GuestAddr from, u64 size);
/// Copies into guest memory; false if any byte is not writable. Pages that the engine write-protects are
/// the caller's business (Engine::open_pages).
bool guest_write(GuestAddr to, const void* from, u64 size);
/// The same where the page may be write-protected by the engine: it is opened first. What the engine writes
/// on the guest's behalf (signal frames, results of system calls) goes through here.
bool guest_store(GuestAddr to, const void* from, u64 size);
/// What is done around guest_store: set once by the engine.
struct StoreHooks {
  void (*before)(GuestRange) = nullptr;  // opens write-protected pages
  void (*behind)(GuestRange) =
      nullptr;  // hands on what was written to memory that is really elsewhere (foreign_memory.h)
};
void set_store_hooks(const StoreHooks& hooks);
/// How many of the bytes at `at`, up to `size`, are readable, counted from the first.
u64 guest_readable(GuestAddr at, u64 size);

/// For the kernel signal handler: if `pc` lies in the copying code, where to go on so that the copy
/// reports failure; else 0.
u64 guest_access_recovery(u64 pc);

}  // namespace fred
