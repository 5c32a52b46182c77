// What a long operation shows on the terminal while it works.
#pragma once
#include <chrono>

#include "gdbmi/commands/progress.h"
#include "gdbmi/prompt/interrupt.h"

namespace fred {

class SearchProgress final : public Progress {
 public:
  SearchProgress(Interrupt& interrupt, bool terminal) : interrupt_(interrupt), terminal_(terminal) {}

  void begin();
  /// Takes away what is shown.
  void clear();
  bool go_on(double fraction, std::string_view what) override;
  int interrupted_descriptor() const override { return interrupt_.descriptor(); }

 private:
  using Clock = std::chrono::steady_clock;
  Interrupt& interrupt_;
  bool terminal_, shown_ = false;
  Clock::time_point next_;
};

}  // namespace fred
