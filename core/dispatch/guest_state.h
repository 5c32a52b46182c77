// The guest as one value: everything that defines it besides the contents of its memory. An engine is a function
// of (GuestState, memory, log). No pointers: it can be written to a file and taken up by another process.
#pragma once
#include <string>
#include <vector>

#include "core/arch/x86/state_window.h"
#include "core/base/error.h"
#include "core/engine.h"
#include "core/signals/guest_signals.h"

namespace fred {

class GuestEngine;

struct GuestState {
  static constexpr u32 version = 2;

  u64 ticks = 0;
  u64 log_offset = 0, events = 0;  // where in the log it stands
  u8 cpu_level = 0;                // CpuLevel
  bool after_call = false;         // behind a system call, or before a handler: signals are delivered
  u64 rest = 0;
  Registers registers = {};
  u64 vector_mask = 0;
  std::vector<u8> vector;  // XSAVE area, standard format
  GuestSignalState signals;
  GuestProcess process;
  std::vector<GuestRange> cache_windows;  // where code cache windows lie, in the order of their making
  std::vector<u8> memory;                 // GuestMemory::serialise()

  std::vector<u8> serialise() const;
  static Result<GuestState> deserialise(std::span<const u8> bytes);
};

/// Writes state and memory to `path`.state and `path`.memory. The guest stands at a safe point, with no fault
/// raised, in a recording or re-executed.
Result<> save_guest(GuestEngine& engine, const std::string& path);

/// Makes the guest in an engine that has none, which then re-executes the recording from there.
Result<> load_guest(GuestEngine& engine, const std::string& recording_dir, const std::string& path);

}  // namespace fred
