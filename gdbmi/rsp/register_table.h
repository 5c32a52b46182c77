// The registers that gdb sees, from one table (registers.def): target.xml, and the bytes of each.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/arch/x86/state_window.h"
#include "core/base/types.h"

namespace fred::remote {

/// A thread's registers as an engine process tells them.
struct RegisterState {
  static constexpr u64 no_system_call = ~u64{0};

  Registers general{};
  std::vector<u8> vector;  // an XSAVE area in the standard format; its XSTATE_BV says what is there
  u64 system_call = no_system_call;

  u64 components() const;
  bool operator==(const RegisterState&) const = default;
};

/// Where a register's bytes lie. In the legacy part of the XSAVE area, in one of its components (by number), …
enum class Place : u8 {
  general,
  pc,
  flags,
  constant,
  legacy,
  legacy16,  // two bytes of it; the others are 0
  tags,      // the x87 tag word, of which the area holds an abridged form
  system_call,
  fs_base,
  gs_base,
  component2,
  component5,
  component6,
  component7,
  component9,
};

struct RegisterRow {
  std::string name;
  u16 bits;
  std::string_view type;
  std::string_view feature;
  Place place;
  u32 offset;

  std::size_t bytes() const { return bits / 8u; }
};

class RegisterTable {
 public:
  /// What a guest with these components of XCR0 has.
  explicit RegisterTable(u64 components);

  const std::vector<RegisterRow>& rows() const { return rows_; }
  std::string target_xml() const;
  /// All in the order of rows(), as the g packet has them.
  std::vector<u8> read_all(const RegisterState& state) const;
  /// False if that is not the right number of bytes.
  bool write_all(RegisterState& state, std::span<const u8> bytes) const;

 private:
  std::vector<RegisterRow> rows_;
};

std::vector<u8> read_register(const RegisterRow& row, const RegisterState& state);
/// What cannot be changed (segments, orig_rax) stays. False if the number of bytes is wrong.
bool write_register(const RegisterRow& row, RegisterState& state, std::span<const u8> bytes);

}  // namespace fred::remote
