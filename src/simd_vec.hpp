// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// Float vectors of the instruction set that the including .simd.hpp is compiled for; one lane where there is none.
// Each instruction set has its own copy of everything here.

#ifndef OPENCV_SEMCORR_SIMD_VEC_HPP
#define OPENCV_SEMCORR_SIMD_VEC_HPP

#include "opencv2/core/hal/intrin.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

#if CV_SIMD

typedef v_float32 Vec;
enum { LANES = VTraits<v_float32>::max_nlanes };

static CV_ALWAYS_INLINE Vec vecLoad(const float* p) { return vx_load(p); }
static CV_ALWAYS_INLINE Vec vecSet(float x) { return vx_setall_f32(x); }
static CV_ALWAYS_INLINE void vecStore(float* p, const Vec& a) { v_store(p, a); }
static CV_ALWAYS_INLINE Vec vecFma(const Vec& a, const Vec& b, const Vec& c) { return v_fma(a, b, c); }
static CV_ALWAYS_INLINE Vec vecAdd(const Vec& a, const Vec& b) { return v_add(a, b); }
static CV_ALWAYS_INLINE Vec vecMul(const Vec& a, const Vec& b) { return v_mul(a, b); }
static CV_ALWAYS_INLINE Vec vecDiv(const Vec& a, const Vec& b) { return v_div(a, b); }
static CV_ALWAYS_INLINE Vec vecMax(const Vec& a, const Vec& b) { return v_max(a, b); }
static CV_ALWAYS_INLINE float vecSum(const Vec& a) { return v_reduce_sum(a); }
static CV_ALWAYS_INLINE float vecLargest(const Vec& a) { return v_reduce_max(a); }

#else

typedef float Vec;
enum { LANES = 1 };

static inline Vec vecLoad(const float* p) { return *p; }
static inline Vec vecSet(float x) { return x; }
static inline void vecStore(float* p, Vec a) { *p = a; }
static inline Vec vecFma(Vec a, Vec b, Vec c) { return a * b + c; }
static inline Vec vecAdd(Vec a, Vec b) { return a + b; }
static inline Vec vecMul(Vec a, Vec b) { return a * b; }
static inline Vec vecDiv(Vec a, Vec b) { return a / b; }
static inline Vec vecMax(Vec a, Vec b) { return std::max(a, b); }
static inline float vecSum(Vec a) { return a; }
static inline float vecLargest(Vec a) { return a; }

#endif

// Arrays of accumulators stay in registers only if no loop runs over them: these are unrolled by recursion, as must be
// what is done to them in between.
template<int N> struct VecArray
{
    static CV_ALWAYS_INLINE void set(Vec* a, const Vec& x)
    {
        VecArray<N - 1>::set(a, x);
        a[N - 1] = x;
    }
    static CV_ALWAYS_INLINE void load(Vec* a, const float* p)
    {
        VecArray<N - 1>::load(a, p);
        a[N - 1] = vecLoad(p + (N - 1) * LANES);
    }
    static CV_ALWAYS_INLINE void store(const Vec* a, float* p)
    {
        VecArray<N - 1>::store(a, p);
        vecStore(p + (N - 1) * LANES, a[N - 1]);
    }
};
template<> struct VecArray<0>
{
    static CV_ALWAYS_INLINE void set(Vec*, const Vec&) {}
    static CV_ALWAYS_INLINE void load(Vec*, const float*) {}
    static CV_ALWAYS_INLINE void store(const Vec*, float*) {}
};

// dst[c * dstStep + r] = src[r * srcStep + c] for r < rows, c < cols
static inline void transposeFloats(const float* src, size_t srcStep, float* dst, size_t dstStep, int rows, int cols)
{
    int r = 0;
#if CV_SIMD128
    for (; r <= rows - 4; r += 4)
    {
        const float* s = src + r * srcStep;
        int c = 0;
        for (; c <= cols - 4; c += 4)
        {
            v_float32x4 a, b, d, e;
            v_transpose4x4(v_load(s + c), v_load(s + srcStep + c), v_load(s + 2 * srcStep + c), v_load(s + 3 * srcStep + c),
                           a, b, d, e);
            float* o = dst + c * dstStep + r;
            v_store(o, a);
            v_store(o + dstStep, b);
            v_store(o + 2 * dstStep, d);
            v_store(o + 3 * dstStep, e);
        }
        for (; c < cols; c++)
            for (int i = 0; i < 4; i++)
                dst[c * dstStep + r + i] = s[i * srcStep + c];
    }
#endif
    for (; r < rows; r++)
        for (int c = 0; c < cols; c++)
            dst[c * dstStep + r] = src[r * srcStep + c];
}

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}

#endif
