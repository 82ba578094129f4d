// Passes an error on to the caller: SOTTO_TRY(expr); SOTTO_TRY_ASSIGN(auto x, expr).
#pragma once

#include "sotto/result.h"

#define SOTTO_CONCAT_INNER(a, b) a##b
#define SOTTO_CONCAT(a, b) SOTTO_CONCAT_INNER(a, b)

/// Evaluates a Result; returns its error from the enclosing function if it has one.
#define SOTTO_TRY(expr) SOTTO_TRY_INNER(SOTTO_CONCAT(sotto_try_, __COUNTER__), expr)
#define SOTTO_TRY_INNER(tmp, expr)                                   \
  do {                                                               \
    if (auto tmp = (expr); !tmp.ok()) return std::move(tmp).error(); \
  } while (false)

/// Evaluates a Result<T>; moves its value into `decl`, or returns its error from the enclosing function.
#define SOTTO_TRY_ASSIGN(decl, expr) SOTTO_TRY_ASSIGN_INNER(SOTTO_CONCAT(sotto_try_, __COUNTER__), decl, expr)
#define SOTTO_TRY_ASSIGN_INNER(tmp, decl, expr)   \
  auto tmp = (expr);                              \
  if (!(tmp).ok()) return std::move(tmp).error(); \
  decl = std::move(tmp).value()
