#include "core/base/lifeline.h"

#include "core/base/descriptor.h"

namespace fred {

namespace {
i64 g_lifeline = -1;
}

void hold_lifeline(int fd) { g_lifeline = raise_descriptor(fd); }

int lifeline() { return static_cast<int>(g_lifeline); }

void release_lifeline() {
  close_engine_descriptor(g_lifeline);
  g_lifeline = -1;
}

}  // namespace fred
