#include "core/signals/vector_image.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/memory/guest_access.h"
#include "core/signals/frame.h"

namespace fred {

namespace {

constexpr u32 hidden_magic = 0x44455246;  // FpxSoftware::padding[0]: the hidden components follow the image

/// Calls `act(component)` for those of a mask that lie in the extended area.
template <class Act>
void each_extended(u64 mask, Act&& act) {
  for (u32 n = 2; n < 32; ++n) {
    if ((mask >> n & 1) != 0) act(n, xsave_component(n));
  }
}

u64 present_bits(const u8* area) {
  u64 bits;
  std::memcpy(&bits, area + 512, sizeof bits);
  return bits;
}

}  // namespace

u64 VectorImage::hidden_size() const {
  u64 size = 0;
  each_extended(hidden_components(), [&](u32, XsaveComponent c) { size += c.size; });
  return size;
}

/// By content: which components the processor takes for initial depends on history.
bool VectorImage::hidden_in_use() const {
  const auto* vector = cpu_.vector_area();
  bool used = false;
  each_extended(hidden_components(), [&](u32, XsaveComponent c) {
    used |= std::any_of(vector + c.offset, vector + c.offset + c.size, [](u8 byte) { return byte != 0; });
  });
  return used;
}

GuestAddr VectorImage::place_below(u64 top) {
  canonicalise_vector_area(cpu_.vector_area(), cpu_.vector_mask());
  const u64 size = guest_cpu_.xsave_size() + sizeof fp_xstate_magic2 + (hidden_in_use() ? hidden_size() : 0);
  return GuestAddr{(top - size) & ~u64{63}};
}

bool VectorImage::write(GuestAddr at) {
  const auto* vector = cpu_.vector_area();
  const u32 size = guest_cpu_.xsave_size();
  std::vector<u8> area(vector, vector + size);
  const u64 features = guest_cpu_.xcr0();
  std::memcpy(area.data() + 512, &features, sizeof features);
  auto software = fpx_software(size, features);
  const auto* magic = reinterpret_cast<const u8*>(&fp_xstate_magic2);
  area.insert(area.end(), magic, magic + sizeof fp_xstate_magic2);
  if (hidden_in_use()) {
    software.padding[0] = hidden_magic;
    each_extended(hidden_components(), [&](u32, XsaveComponent c) {
      area.insert(area.end(), vector + c.offset, vector + c.offset + c.size);
    });
  }
  std::memcpy(area.data() + fpx_software_offset, &software, sizeof software);
  return guest_store(at, area.data(), area.size());
}

bool VectorImage::read(GuestAddr at) {
  auto* vector = cpu_.vector_area();
  const u32 size = guest_cpu_.xsave_size();
  std::vector<u8> area(size);
  if (!guest_read(area.data(), at, 512)) return false;
  FpxSoftware software;
  std::memcpy(&software, area.data() + fpx_software_offset, sizeof software);
  const bool extended = software.magic1 == fp_xstate_magic1 && software.xstate_size <= size &&
                        guest_read(area.data(), at, software.xstate_size);
  u64 present = (extended ? present_bits(area.data()) : 3) & guest_cpu_.xcr0();
  std::vector<u8> hidden;
  if (extended && software.padding[0] == hidden_magic) {
    hidden.resize(hidden_size());
    if (!guest_read(hidden.data(), at + software.extended_size, hidden.size())) return false;
  }
  cpu_.reset_vector_state();
  std::memcpy(vector, area.data(), 416);
  each_extended(present,
                [&](u32, XsaveComponent c) { std::memcpy(vector + c.offset, area.data() + c.offset, c.size); });
  if (!hidden.empty()) {
    const auto* from = hidden.data();
    each_extended(hidden_components(), [&](u32 n, XsaveComponent c) {
      std::memcpy(vector + c.offset, from, c.size);
      from += c.size;
      present |= u64{1} << n;
    });
  }
  std::memcpy(vector + 512, &present, sizeof present);
  u32 mxcsr;
  std::memcpy(&mxcsr, vector + 24, sizeof mxcsr);
  mxcsr &= 0xffff;  // reserved bits would fault in XRSTOR
  std::memcpy(vector + 24, &mxcsr, sizeof mxcsr);
  return true;
}

}  // namespace fred
