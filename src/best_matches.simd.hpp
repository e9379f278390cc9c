// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "simd_vec.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

int indexOfBest(const float* scores, int n);
void keepBest(const float* scores, int n, int index, float* best, int* indices);

#ifndef CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

static int indexOfLargest(const float* scores, int n)
{
    int best = 0;
    for (int i = 0; i < n && scores[best] == scores[best]; i++)
        if (scores[i] > scores[best] || scores[i] != scores[i])
            best = i;
    return best;
}

// See best_matches.hpp. A search over planes is to notice a not-a-number, which comparisons alone pass over.
int indexOfBest(const float* scores, int n)
{
    float best = scores[0], zero = 0;
    int i = 0;
    if (n >= LANES)
    {
        Vec largest = vecLoad(scores), zeros = vecSet(0.f);
        for (; i <= n - LANES; i += LANES)
        {
            const Vec s = vecLoad(scores + i);
            largest = vecMax(largest, s);
            zeros = vecFma(s, vecSet(0.f), zeros);
        }
        best = vecLargest(largest);
        zero = vecSum(zeros);
    }
    for (; i < n; i++)
    {
        best = std::max(best, scores[i]);
        zero += scores[i] * 0.f;
    }
    if (zero != 0)  // some are not finite: slowly, then
        return indexOfLargest(scores, n);
    i = 0;
#if CV_SIMD
    const Vec wanted = vecSet(best);
    while (i <= n - LANES && !v_check_any(v_eq(vecLoad(scores + i), wanted)))
        i += LANES;
#endif
    while (scores[i] != best)
        i++;
    return i;
}

void keepBest(const float* scores, int n, int index, float* best, int* indices)
{
    int i = 0;
#if CV_SIMD
    const v_int32 all = vx_setall_s32(index);
    for (; i <= n - LANES; i += LANES)
    {
        const Vec s = vecLoad(scores + i), b = vecLoad(best + i);
        const Vec greater = v_gt(s, b);
        vecStore(best + i, v_select(greater, s, b));
        v_store(indices + i, v_select(v_reinterpret_as_s32(greater), all, vx_load(indices + i)));
    }
#endif
    for (; i < n; i++)
        if (scores[i] > best[i])
        {
            best[i] = scores[i];
            indices[i] = index;
        }
}

#endif  // CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}
