#include "gdbmi/rsp/register_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/arch/x86/guest_cpu.h"

namespace fred::remote {

namespace {

constexpr std::size_t xstate_bv = 512, header_end = 576;  // Intel SDM 1, 13.4: the XSAVE area
constexpr std::size_t status_word = 2, abridged_tags = 4, first_st = 32, st_stride = 16;

struct Feature {
  std::string_view name;
  u64 components;
};
struct Family {
  std::size_t feature;
  std::string_view name;
  u32 count, first;
  u16 bits;
  std::string_view type;
  Place place;
  u32 offset, stride;
};

constexpr Feature features[] = {
#define FEATURE(name, components) {name, components},
#define REGISTERS(...)
#include "gdbmi/rsp/registers.def"
#undef FEATURE
#undef REGISTERS
};

/// Rows with the number of the feature that they stand under.
std::vector<Family> families() {
  std::vector<Family> all;
  std::size_t feature = 0;
  --feature;
#define FEATURE(name, components) ++feature;
#define REGISTERS(name, count, first, bits, type, place, offset, stride) \
  all.push_back({feature, name, count, first, bits, type, Place::place, offset, stride});
#include "gdbmi/rsp/registers.def"
#undef FEATURE
#undef REGISTERS
  return all;
}

u32 component_of(Place place) {
  switch (place) {
    case Place::component2:
      return 2;
    case Place::component5:
      return 5;
    case Place::component6:
      return 6;
    case Place::component7:
      return 7;
    case Place::component9:
      return 9;
    default:
      return 0;
  }
}

/// Where in the XSAVE area the row's bytes lie; empty if the area does not have them.
template <class Byte>
std::span<Byte> in_vector(const RegisterRow& row, std::span<Byte> area) {
  const u32 component = component_of(row.place);
  const std::size_t at = row.offset + (component != 0 ? xsave_component(component).offset : 0);
  const std::size_t size = row.place == Place::legacy16 ? 2 : row.bytes();
  if (at + size > area.size()) return {};
  return area.subspan(at, size);
}

/// The tag word of the x87 registers, from the abridged form (Intel SDM 1, 10.5.1.1): 0 valid, 1 zero, 2 special,
/// 3 empty, two bits for each physical register.
u16 full_tags(std::span<const u8> area) {
  u16 status;
  std::memcpy(&status, area.data() + status_word, sizeof status);
  const unsigned top = status >> 11 & 7;
  u16 tags = 0;
  for (unsigned physical = 0; physical < 8; ++physical) {
    unsigned tag = 3;
    if ((area[abridged_tags] >> physical & 1) != 0) {
      const auto* st = area.data() + first_st + st_stride * ((physical + 8 - top) % 8);
      u64 mantissa;
      u16 exponent;
      std::memcpy(&mantissa, st, sizeof mantissa);
      std::memcpy(&exponent, st + sizeof mantissa, sizeof exponent);
      exponent &= 0x7fff;
      if (exponent == 0 && mantissa == 0) {
        tag = 1;
      } else if (exponent == 0 || exponent == 0x7fff || mantissa >> 63 == 0) {
        tag = 2;
      } else {
        tag = 0;
      }
    }
    tags = static_cast<u16>(tags | tag << (2 * physical));
  }
  return tags;
}

u8 abridged(u16 tags) {
  u8 bits = 0;
  for (unsigned i = 0; i < 8; ++i) {
    if ((tags >> (2 * i) & 3) != 3) bits = static_cast<u8>(bits | 1 << i);
  }
  return bits;
}

std::vector<u8> bytes_of(u64 value, std::size_t size) {
  std::vector<u8> bytes(size);
  std::memcpy(bytes.data(), &value, std::min(size, sizeof value));
  return bytes;
}

/// The field of the integer registers that the row shows; null if it is none of them.
template <class State>
auto integer_field(const RegisterRow& row, State& state) -> decltype(&state.general.rip) {
  switch (row.place) {
    case Place::general:
      return &state.general.gpr[row.offset];
    case Place::pc:
      return &state.general.rip;
    case Place::flags:
      return &state.general.rflags;
    case Place::fs_base:
      return &state.general.fs_base;
    case Place::gs_base:
      return &state.general.gs_base;
    default:
      return nullptr;
  }
}

constexpr std::string_view types_of_core = R"(<flags id="i386_eflags" size="4">
<field name="" start="22" end="31"/><field name="ID" start="21" end="21"/><field name="VIP" start="20" end="20"/>
<field name="VIF" start="19" end="19"/><field name="AC" start="18" end="18"/><field name="VM" start="17" end="17"/>
<field name="RF" start="16" end="16"/><field name="NT" start="14" end="14"/><field name="OF" start="11" end="11"/>
<field name="DF" start="10" end="10"/><field name="IF" start="9" end="9"/><field name="TF" start="8" end="8"/>
<field name="SF" start="7" end="7"/><field name="ZF" start="6" end="6"/><field name="AF" start="4" end="4"/>
<field name="PF" start="2" end="2"/><field name="" start="1" end="1"/><field name="CF" start="0" end="0"/>
</flags>
)";
constexpr std::string_view types_of_vectors = R"(<vector id="v4f" type="ieee_single" count="4"/>
<vector id="v2d" type="ieee_double" count="2"/><vector id="v16i8" type="int8" count="16"/>
<vector id="v8i16" type="int16" count="8"/><vector id="v4i32" type="int32" count="4"/>
<vector id="v2i64" type="int64" count="2"/>
<union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>
<field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/>
<field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union>
)";
constexpr std::string_view types_of_mxcsr = R"(<flags id="i386_mxcsr" size="4">
<field name="IE" start="0" end="0"/><field name="DE" start="1" end="1"/><field name="ZE" start="2" end="2"/>
<field name="OE" start="3" end="3"/><field name="UE" start="4" end="4"/><field name="PE" start="5" end="5"/>
<field name="DAZ" start="6" end="6"/><field name="IM" start="7" end="7"/><field name="DM" start="8" end="8"/>
<field name="ZM" start="9" end="9"/><field name="OM" start="10" end="10"/><field name="UM" start="11" end="11"/>
<field name="PM" start="12" end="12"/><field name="FZ" start="15" end="15"/></flags>
)";
constexpr std::string_view types_of_wide_vectors = R"(<vector id="v2ui128" type="uint128" count="2"/>
)";

/// Types that a feature's registers use, as gdb's own descriptions define them.
std::string types_of(std::string_view feature) {
  if (feature.ends_with(".core")) return std::string(types_of_core);
  if (feature.ends_with(".sse")) return std::string(types_of_vectors) + std::string(types_of_mxcsr);
  if (feature.ends_with(".avx512")) return std::string(types_of_vectors) + std::string(types_of_wide_vectors);
  return {};
}

}  // namespace

u64 RegisterState::components() const {
  u64 bits = 0;
  if (vector.size() >= header_end) std::memcpy(&bits, vector.data() + xstate_bv, sizeof bits);
  return bits;
}

RegisterTable::RegisterTable(u64 components) {
  for (const auto& family : families()) {
    const auto& feature = features[family.feature];
    if ((feature.components & ~components) != 0) continue;
    for (u32 i = 0; i < family.count; ++i) {
      rows_.push_back({.name = fmt::format(fmt::runtime(family.name), family.first + i),
                       .bits = family.bits,
                       .type = family.type,
                       .feature = feature.name,
                       .place = family.place,
                       .offset = family.offset + i * family.stride});
    }
  }
}

std::string RegisterTable::target_xml() const {
  std::string xml =
      "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
      "<architecture>i386:x86-64</architecture><osabi>GNU/Linux</osabi>\n";
  std::string_view feature;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const auto& row = rows_[i];
    if (row.feature != feature) {
      if (!feature.empty()) xml += "</feature>\n";
      feature = row.feature;
      xml += fmt::format("<feature name=\"{}\">\n{}", feature, types_of(feature));
    }
    const bool is_float = row.place == Place::legacy16 || row.place == Place::tags || row.name == "fioff" ||
                          row.name == "fooff" || row.type == "i387_ext";
    xml +=
        fmt::format("<reg name=\"{}\" bitsize=\"{}\" type=\"{}\" regnum=\"{}\"{}/>\n", row.name, row.bits, row.type, i,
                    row.place == Place::system_call ? " group=\"system\""
                    : is_float                      ? " group=\"float\""
                                                    : "");
  }
  return xml + "</feature></target>\n";
}

std::vector<u8> RegisterTable::read_all(const RegisterState& state) const {
  std::vector<u8> all;
  for (const auto& row : rows_) {
    const auto bytes = read_register(row, state);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

bool RegisterTable::write_all(RegisterState& state, std::span<const u8> bytes) const {
  std::size_t wanted = 0;
  for (const auto& row : rows_) wanted += row.bytes();
  if (bytes.size() != wanted) return false;
  for (const auto& row : rows_) {
    write_register(row, state, bytes.first(row.bytes()));
    bytes = bytes.subspan(row.bytes());
  }
  return true;
}

std::vector<u8> read_register(const RegisterRow& row, const RegisterState& state) {
  if (const auto* field = integer_field(row, state)) return bytes_of(*field, row.bytes());
  if (row.place == Place::constant) return bytes_of(row.offset, row.bytes());
  if (row.place == Place::system_call) return bytes_of(state.system_call, row.bytes());
  if (state.vector.size() < header_end) return std::vector<u8>(row.bytes());
  if (row.place == Place::tags) return bytes_of(full_tags(state.vector), row.bytes());
  const auto there = in_vector(row, std::span(state.vector));
  std::vector<u8> bytes(there.begin(), there.end());
  bytes.resize(row.bytes());
  return bytes;
}

bool write_register(const RegisterRow& row, RegisterState& state, std::span<const u8> bytes) {
  if (bytes.size() != row.bytes()) return false;
  if (auto* field = integer_field(row, state)) {
    std::memcpy(field, bytes.data(), std::min(bytes.size(), sizeof *field));
    return true;
  }
  if (row.place == Place::constant || row.place == Place::system_call || state.vector.size() < header_end) return true;
  if (row.place == Place::tags) {
    u16 tags;
    std::memcpy(&tags, bytes.data(), sizeof tags);
    state.vector[abridged_tags] = abridged(tags);
    return true;
  }
  const auto there = in_vector(row, std::span(state.vector));
  std::ranges::copy(bytes.first(there.size()), there.begin());
  return true;
}

}  // namespace fred::remote
