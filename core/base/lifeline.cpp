#include "core/base/lifeline.h"

#include "core/base/descriptor.h"

namespace fred {

namespace {
i64 g_lifeline = -1;
}

void hold_lifeline(int fd) { g_lifeline = raise_descriptor(fd); }

void release_lifeline() {
  close_engine_descriptor(g_lifeline);
  g_lifeline = -1;
}

}  // namespace fred
