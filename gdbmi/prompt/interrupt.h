// Ctrl-C (SIGINT) as a value: a flag, and a descriptor that becomes readable.
#pragma once
#include "core/memory/unique_fd.h"

namespace fred {

/// There is one at a time. Its handler stays installed while it lives.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// Readable from the signal on until clear().
  int descriptor() const { return event_.get(); }
  bool requested() const;
  void clear();

 private:
  UniqueFd event_;
};

}  // namespace fred
