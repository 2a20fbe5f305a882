"""Elementary functions of float32 vectors, written as LLVM code.

exp and log follow the Cephes library (S. L. Moshier, netlib.org/cephes, `expf.c` and `logf.c`);
none has a branch, so all lanes do the same work. NaN stays NaN.
"""

from collections.abc import Sequence

from blobtransfer.engines.compiled.simd import Code, Value

ROOT_OF_HALF = 0.7071067811865476
INVERSE_ROOT_OF_2_PI = 0.3989422804014327
LOG_2 = 0.6931471805599453

EXP = (
    1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
    5.0000001201e-1,
)  # fmt: skip
EXP_NEAR_0 = (
    8.2902296302e-3, 4.1898390064e-2, 1.6667640061e-1, 4.9999146149e-1, 9.9999970544e-1, 1.0,
)  # fmt: skip
LOG = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
ERF_NEAR_0 = (
    -5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1
)  # fmt: skip
"""Coefficients of polynomials, highest power first.

Of all polynomials of degree 5 with constant term 1, `EXP_NEAR_0` has the smallest maximum relative
error for e^r with |r| <= log(2) / 2: 9.2e-8.
"""


def exp(code: Code, x: Value) -> Value:
    """Emit e^x; NaN stays NaN.

    x is clipped to [-87, 88], near the ends of float32.
    """
    minus_1, two_to_n = _exp_parts(code, x)
    return (minus_1 + 1.0) * two_to_n


def exp_of_negative(code: Code, x: Value) -> Value:
    """Emit e^x for x <= 0, with a relative error below 5e-7; NaN stays NaN.

    x is clipped to -87, where e^x is near the smallest normal float32. This takes fewer
    instructions than `exp`: the polynomial approximates e^r itself, log 2 is one number, and n is
    added to the exponent.
    """
    x = code.select(x < -87.0, -87.0, x)
    shifted, n = _nearest_whole(code, x)
    r = code.fma(n, code.constant(-LOG_2), x)
    power = polynomial(code, r, EXP_NEAR_0)
    return code.bits(code.bits(power) + (code.bits(shifted) << 23))


def exp_minus_1(code: Code, x: Value) -> Value:
    """Emit e^x - 1 without loss near 0; see `exp`."""
    minus_1, two_to_n = _exp_parts(code, x)
    return code.fma(minus_1, two_to_n, two_to_n - 1.0)


def _exp_parts(code: Code, x: Value) -> tuple[Value, Value]:
    """Emit e^r - 1 and 2^n, where x = n log 2 + r, n is whole and r is small."""
    x = code.select(x < -87.0, -87.0, x)
    x = code.select(x > 88.0, 88.0, x)
    shifted, n = _nearest_whole(code, x)
    r = code.fma(n, code.constant(-0.693359375), x)  # log 2 in two parts, the first exact
    r = code.fma(n, code.constant(2.12194440e-4), r)
    power = polynomial(code, r, EXP)
    return code.fma(power, r * r, r), code.bits((code.bits(shifted) + 127) << 23)


def _nearest_whole(code: Code, x: Value) -> tuple[Value, Value]:
    """Emit the integer n nearest to x / log 2, in the lowest bits of a float and as a float."""
    # Adding 1.5 * 2^23 rounds x / log 2 and leaves n in the lowest bits.
    shifted = code.fma(x, code.constant(1.0 / LOG_2), code.constant(12582912.0))
    return shifted, shifted - 12582912.0


def polynomial(code: Code, x: Value, coefficients: Sequence[float]) -> Value:
    """Emit a polynomial by Horner's rule.

    Args:
        code: Function that gets it.
        x: Vector of floats.
        coefficients: Of the powers of x, highest power first.
    """
    value, *constants = map(code.constant, coefficients)
    for constant in constants:
        value = code.fma(value, x, constant)
    return value


def normal_cdf(code: Code, z: Value) -> Value:
    """Emit the standard normal distribution function at z, as in Keras' gelu; NaN stays NaN."""
    return (erf(code, z * ROOT_OF_HALF) + 1.0) * 0.5


def erf(code: Code, x: Value) -> Value:
    """Emit erf x, within two units in the last place of float32; NaN stays NaN.

    Up to 0.93 by an odd polynomial, beyond it as 1 - e^p(|x|).

    Source: the single-precision coefficients of N. Juffa (2018), stackoverflow.com/a/35148199.
    """
    square = x * x
    near = code.fma(polynomial(code, square, ERF_NEAR_0), x, x)
    size = code.select(x < 0.0, 0.0 - x, x)
    high = code.fma(code.constant(-1.72853470e-5), size, code.constant(3.83197126e-4))
    low = code.fma(code.constant(-3.88396438e-3), size, code.constant(2.42546219e-2))
    power = code.fma(high, square, low)
    for coefficient in (-1.06777877e-1, -6.34846687e-1, -1.28717512e-1):
        power = code.fma(power, size, code.constant(coefficient))
    power = code.fma(power, size, 0.0 - size)
    # From 4 on erf is 1 in float32, and the polynomial need not be near.
    beyond = code.select(size > 4.0, 1.0, 1.0 - exp(code, power))
    beyond = code.select(x < 0.0, 0.0 - beyond, beyond)
    return code.select(size > 0.927734375, beyond, near)


def log(code: Code, x: Value) -> Value:
    """Emit log x for finite x >= 1; NaN stays NaN."""
    # x = 2^n m with m in [sqrt(1/2), sqrt(2))
    bits = code.bits(x)
    shifted = bits - 0x3F3504F3
    n = code.convert((shifted >> 23), code.floats)
    m = code.bits((shifted & 0x007FFFFF) + 0x3F3504F3) - 1.0
    square = m * m
    power = polynomial(code, m, LOG) * m * square
    power = code.fma(n, code.constant(-2.12194440e-4), power)
    power = code.fma(square, code.constant(-0.5), power) + m
    result = code.fma(n, code.constant(0.693359375), power)
    return result + (x - x)


def softplus(code: Code, z: Value) -> tuple[Value, Value]:
    """Emit log(1 + e^z) without loss far below 0, and its derivative; NaN stays NaN."""
    power = exp_of_negative(code, code.select(z < 0.0, z, 0.0 - z))
    total = power + 1.0
    rounding = power - (total - 1.0)  # exact, and all that is left of a small power
    value = code.select(z < 0.0, 0.0, z) + (log(code, total) + rounding)
    return value, code.select(z < 0.0, power, 1.0) / total


def normal_density(code: Code, z: Value) -> Value:
    """Emit the density of a standard normal at z."""
    return exp(code, z * z * -0.5) * INVERSE_ROOT_OF_2_PI
