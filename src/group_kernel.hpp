// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// Correlations of source cells with groups of target cells, for inclusion by .simd.hpp files.

#ifndef OPENCV_SEMCORR_GROUP_KERNEL_HPP
#define OPENCV_SEMCORR_GROUP_KERNEL_HPP

#include "lazy_correlation.hpp"
#include "simd_vec.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

enum
{
    GROUP_VECTORS = GROUP / LANES,
    // source cells at a time: each loaded vector of features serves all of them
    GROUP_SOURCES = LANES >= 16 ? 8 : LANES >= 8 ? 2 : 1
};

// The I = sources · GROUP_VECTORS sums, unrolled
template<int I> struct GroupOps
{
    static CV_ALWAYS_INLINE void fma(Vec* acc, const float* const* f1, int c, const Vec* b)
    {
        GroupOps<I - 1>::fma(acc, f1, c, b);
        acc[I - 1] = vecFma(vecSet(f1[(I - 1) / GROUP_VECTORS][c]), b[(I - 1) % GROUP_VECTORS], acc[I - 1]);
    }
    static CV_ALWAYS_INLINE void store(const Vec* even, const Vec* odd, float* const* out)
    {
        GroupOps<I - 1>::store(even, odd, out);
        vecStore(out[(I - 1) / GROUP_VECTORS] + (I - 1) % GROUP_VECTORS * LANES, vecAdd(even[I - 1], odd[I - 1]));
    }
};
template<> struct GroupOps<0>
{
    static CV_ALWAYS_INLINE void fma(Vec*, const float* const*, int, const Vec*) {}
    static CV_ALWAYS_INLINE void store(const Vec*, const Vec*, float* const*) {}
};

// out[m] {GROUP} = f1[m] {channels} · f2 {channels, GROUP} for m < M. Two partial sums keep both multipliers busy when M is
// small; they are the same for every M, so that a value does not depend on its company.
template<int M> static void groupSums(const float* const* f1, const float* f2, int channels, float* const* out)
{
    enum { I = M * GROUP_VECTORS };
    Vec even[I], odd[I], b[GROUP_VECTORS];
    VecArray<I>::set(even, vecSet(0.f));
    VecArray<I>::set(odd, vecSet(0.f));
    int c = 0;
    for (; c + 1 < channels; c += 2, f2 += 2 * GROUP)
    {
        VecArray<GROUP_VECTORS>::load(b, f2);
        GroupOps<I>::fma(even, f1, c, b);
        VecArray<GROUP_VECTORS>::load(b, f2 + GROUP);
        GroupOps<I>::fma(odd, f1, c + 1, b);
    }
    if (c < channels)
    {
        VecArray<GROUP_VECTORS>::load(b, f2);
        GroupOps<I>::fma(even, f1, c, b);
    }
    GroupOps<I>::store(even, odd, out);
}

// M sources at a time, the rest by smaller M
template<int M> struct GroupRuns
{
    static void run(const float* const* f1, int n, const float* f2, int channels, float* const* out)
    {
        for (; n >= M; n -= M, f1 += M, out += M)
            groupSums<M>(f1, f2, channels, out);
        if (n > 0)
            GroupRuns<M - 1>::run(f1, n, f2, channels, out);
    }
};
template<> struct GroupRuns<0>
{
    static void run(const float* const*, int, const float*, int, float* const*) {}
};

// out[i] {GROUP}: correlations of cells1[i] with the cells of a group, i < n ≤ GROUP_SOURCES
static void correlateGroup(const CorrelationView& v, const int* cells1, int n, int group, float* const* out)
{
    const float* rows[GROUP_SOURCES];
    for (int i = 0; i < n; i++)
        rows[i] = v.f1 + (size_t)cells1[i] * v.channels;
    GroupRuns<GROUP_SOURCES>::run(rows, n, v.packed + (size_t)group * v.channels * GROUP, v.channels, out);
    if (!v.best1)
        return;
    const float* best2 = v.best2 + (size_t)group * GROUP;
    for (int i = 0; i < n; i++)
    {
        const Vec best1 = vecSet(v.best1[cells1[i]]);
        for (int j = 0; j < GROUP; j += LANES)
        {
            const Vec c = vecLoad(out[i] + j);
            vecStore(out[i] + j, vecMul(c, vecMul(vecDiv(c, vecLoad(best2 + j)), vecDiv(c, best1))));
        }
    }
}

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}

#endif
