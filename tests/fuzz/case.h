// One case: a piece of code with the state it starts from; and what came out of executing it.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "core/arch/x86/state_window.h"
#include "core/base/types.h"

namespace fred::fuzz {

/// The memory that the code of a case sees. Everything around each region is unmapped.
enum class Region : u8 { code, near, far_above, far_below, table, scratch, stack };
inline constexpr u32 regions = 7;
constexpr u64 region_size(Region r) { return r == Region::code || r == Region::scratch ? 2 * page_size : page_size; }
constexpr bool writable(Region r) { return r != Region::code && r != Region::table; }

/// Where the regions lie; 0: not there. `near` is within reach of rip-relative operands from everywhere,
/// the far ones only from the code itself, not from where its translation lies. All of `table` is addresses.
struct Places {
  std::array<GuestAddr, regions> at;
  GuestAddr operator[](Region r) const { return at[static_cast<u32>(r)]; }
  bool low_scratch() const { return (*this)[Region::scratch].value < 0x7f000000; }
  bool low_code() const { return (*this)[Region::code].value < 0x7f000000; }
};

struct Case {
  u32 offset = 0;          // of the code in its region
  std::vector<u8> code;    // the first instruction is executed first
  std::vector<u32> items;  // offsets of its instructions
  std::vector<u64> table;  // the contents of Region::table, up to a page
  Registers registers = {};
  std::vector<u8> vector;  // XSAVE area, standard format
};

/// How the execution ended: always with a fault.
struct Outcome {
  Registers registers = {};
  int signal = 0, code = 0;
  u64 address = 0, trap = 0, error = 0;
  bool fetch = false;  // translated: nothing could be fetched or decoded at rip; only the place is known
  std::vector<u8> vector;
  std::array<std::vector<u8>, regions> memory;
};

/// A transfer to a non-canonical address: natively it faults itself; translated, nothing can be fetched at
/// its target. A known deviation.
bool non_canonical_transfer(const Outcome& native, const Outcome& translated);

/// Empty if they agree; else one line for each difference, not more than a few.
std::string difference(const Outcome& native, const Outcome& translated, u64 vector_mask);

/// The bytes, registers and disassembly of a case, for people.
std::string describe(const Case& c, const Places& places);

}  // namespace fred::fuzz
