// Does a thread wait by spinning for what another one is to do? Under the fair schedule it gives way to others then. It
// is looked at now and then, where the clock happens to leave the code cache: found in the same place with the same
// registers it waits. Where one or a few registers have changed it may count how often it has looked, or compute
// something in a small loop; it keeps the turn for a part of its slice then, so that a wrong guess costs little.
#pragma once
#include "core/arch/x86/state_window.h"

namespace fred {

class Pace {
 public:
  enum class Found : u8 { works, perhaps_waits, waits };

  /// Ticks of one counter until it is to be looked at again. `others`: there is somebody to give way to.
  u64 look_every(bool others) const;
  /// A look, at a tick.
  Found look(const Registers& there);

  /// Ticks that a thread which perhaps waits may run before others.
  static constexpr u64 doubtful_slice = u64{1} << 16;

 private:
  Registers last_ = {};
  u32 works_ = 0;  // looks since it was last found waiting
};

}  // namespace fred
