#include "core/trace/event.h"

namespace fred {

std::string_view to_string(EventKind kind) {
  switch (kind) {
#define K(name)         \
  case EventKind::name: \
    return #name;
    FRED_EVENT_KINDS(K)
#undef K
  }
  return "unknown";
}

std::string_view to_string(ItemKind kind) {
  switch (kind) {
#define K(name)        \
  case ItemKind::name: \
    return #name;
    FRED_ITEM_KINDS(K)
#undef K
  }
  return "unknown";
}

}  // namespace fred
