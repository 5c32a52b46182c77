// What every unit test includes: doctest, and the words of an error where a result was expected.
#pragma once
#include <doctest/doctest.h>

#include "core/base/error.h"

namespace doctest {

/// So a failed REQUIRE(result) says what the error was.
template <class T>
struct StringMaker<fred::Result<T>> {
  static String convert(const fred::Result<T>& result) {
    return result ? "a value" : String(("the error '" + result.error().message + "'").c_str());
  }
};

}  // namespace doctest
