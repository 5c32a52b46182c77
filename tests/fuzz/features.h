// Which instruction-set extensions random instructions may come from.
#pragma once
#include <Zydis/Zydis.h>

#include <bitset>

#include "core/base/types.h"

namespace fred::fuzz {

class Features {
 public:
  /// What this processor has of x86-64-v3 and its companions; with `all` also AVX-512.
  explicit Features(bool all);
  bool has(const ZydisDecodedInstruction& i) const { return extensions_[i.meta.isa_ext] && sets_[i.meta.isa_set]; }
  bool avx512() const { return avx512_; }

 private:
  std::bitset<ZYDIS_ISA_EXT_MAX_VALUE + 1> extensions_;
  std::bitset<ZYDIS_ISA_SET_MAX_VALUE + 1> sets_;
  bool avx512_ = false;
};

}  // namespace fred::fuzz
