// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "checks.hpp"
#include "correlation.hpp"

#include "correlation.simd.hpp"
#include "correlation.simd_declarations.hpp"

namespace cv { namespace semcorr {

// Cells of grid 2 that a thread packs and correlates at a time
enum { CORRELATE_CELLS = 8 * CORRELATION_PANEL };

static void packPanels(const Mat& f2, int first, int last, float* packed)
{
    CV_CPU_DISPATCH(packPanels, (f2, first, last, packed), CV_CPU_DISPATCH_MODES_ALL);
}

static void correlatePanels(const Mat& f1, const float* packed, int cells, float* dst, size_t dstStep)
{
    CV_CPU_DISPATCH(correlatePanels, (f1, packed, cells, dst, dstStep), CV_CPU_DISPATCH_MODES_ALL);
}

PackedFeatures::PackedFeatures(const Mat& f2)
    : packed((f2.rows + CORRELATION_PANEL - 1) / CORRELATION_PANEL, f2.cols * CORRELATION_PANEL, CV_32F)
{
    parallel_for_(Range(0, packed.rows), [&](const Range& range)
    {
        packPanels(f2, range.start * CORRELATION_PANEL, std::min(range.end * CORRELATION_PANEL, f2.rows),
                   packed.ptr<float>(range.start));
    });
}

void PackedFeatures::correlate(const Mat& f1, int first, int last, float* dst, size_t step) const
{
    correlatePanels(f1, packed.ptr<float>(first / CORRELATION_PANEL), last - first, dst, step);
}

static void scaleRow(const float* src, float* dst, int n, float divisor)
{
    CV_CPU_DISPATCH(scaleRow, (src, dst, n, divisor), CV_CPU_DISPATCH_MODES_ALL);
}

static void maxOfRows(const float* src, size_t step, int rows, float* best, int n)
{
    CV_CPU_DISPATCH(maxOfRows, (src, step, rows, best, n), CV_CPU_DISPATCH_MODES_ALL);
}

static void mutualRow(const float* src, const float* best2, float* dst, int n, float eps)
{
    CV_CPU_DISPATCH(mutualRow, (src, best2, dst, n, eps), CV_CPU_DISPATCH_MODES_ALL);
}

// In double, where squares of floats are exact and cannot overflow
static double sumOfSquares(const float* f, int n)
{
    double sums[8] = { 0, 0, 0, 0, 0, 0, 0, 0 };
    int i = 0;
    for (; i <= n - 8; i += 8)
        for (int j = 0; j < 8; j++)
            sums[j] += (double)f[i + j] * f[i + j];
    for (; i < n; i++)
        sums[0] += (double)f[i] * f[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

// Where to compute what goes to dst, which the caller may have allocated as a part of a larger array
static Mat continuousLike(const Mat& dst)
{
    return dst.isContinuous() ? dst : Mat(dst.dims, dst.size.p, dst.type());
}

static void checkEps(double eps)
{
    if (!(eps >= FLT_MIN && eps <= FLT_MAX))  // else it is no divisor of floats
        CV_Error(Error::StsOutOfRange, format("eps is %g, expected a value in [%g, %g]", eps, FLT_MIN, FLT_MAX));
}

void normalizeFeatures(InputArray src_, OutputArray dst_, double eps)
{
    CV_INSTRUMENT_REGION();
    checkEps(eps);
    const Mat src = getFeatures(src_, "src");
    dst_.create(3, src.size.p, CV_32F);
    Mat dst = dst_.getMat(), result = continuousLike(dst);
    const int cells = src.size[0] * src.size[1], channels = src.size[2];
    parallel_for_(Range(0, cells), [&](const Range& range)
    {
        for (int i = range.start; i < range.end; i++)
        {
            const float* s = src.ptr<float>() + (size_t)i * channels;
            float* d = result.ptr<float>() + (size_t)i * channels;
            const double length = std::sqrt(sumOfSquares(s, channels) + eps);
            scaleRow(s, d, channels, (float)std::min(length, (double)FLT_MAX));
            if (length > FLT_MAX)  // of a cell of finite floats that no float can hold
                scaleRow(d, d, channels, (float)(length / FLT_MAX));
        }
    }, cells / 64.);
    if (result.data != dst.data)
        result.copyTo(dst);
}

void correlate(InputArray features1, InputArray features2, OutputArray corr_)
{
    CV_INSTRUMENT_REGION();
    Mat f1, f2;
    getFeaturePair(features1, features2, f1, f2);
    const int shape[] = { f1.size[0], f1.size[1], f2.size[0], f2.size[1] };
    f1 = f1.reshape(1, shape[0] * shape[1]);
    f2 = f2.reshape(1, shape[2] * shape[3]);
    corr_.create(4, shape, CV_32F);
    Mat dst = corr_.getMat(), result = continuousLike(dst), corr = result.reshape(1, f1.rows);
    parallel_for_(Range(0, (f2.rows + CORRELATION_PANEL - 1) / CORRELATION_PANEL), [&](const Range& range)
    {
        const int end = std::min(range.end * CORRELATION_PANEL, f2.rows);
        const size_t cells = alignSize(std::min(end - range.start * CORRELATION_PANEL, (int)CORRELATE_CELLS), CORRELATION_PANEL);
        AutoBuffer<float> buffer(cells * f2.cols + 16);
        float* const packed = alignPtr(buffer.data(), 64);
        for (int first = range.start * CORRELATION_PANEL; first < end; first += CORRELATE_CELLS)
        {
            const int last = std::min(first + CORRELATE_CELLS, end);
            packPanels(f2, first, last, packed);
            correlatePanels(f1, packed, last - first, corr.ptr<float>() + first, corr.step1());
        }
    }, 2. * getNumThreads());
    if (result.data != dst.data)
        result.copyTo(dst);
}

void mutualFilter(InputArray corr_, OutputArray dst_, double eps)
{
    CV_INSTRUMENT_REGION();
    checkEps(eps);
    const Mat volume = getVolume(corr_, "corr");
    const int n1 = volume.size[0] * volume.size[1], n2 = volume.size[2] * volume.size[3];
    const Mat corr = volume.reshape(1, n1);
    std::vector<float> best2(n2);
    parallel_for_(Range(0, n2), [&](const Range& range)
    {
        maxOfRows(corr.ptr<float>() + range.start, n2, n1, &best2[range.start], range.size());
    }, getNumThreads());

    dst_.create(4, volume.size.p, CV_32F);
    Mat dst = dst_.getMat(), result = continuousLike(dst), scores = result.reshape(1, n1);
    parallel_for_(Range(0, n1), [&](const Range& range)
    {
        for (int i = range.start; i < range.end; i++)
            mutualRow(corr.ptr<float>(i), &best2[0], scores.ptr<float>(i), n2, (float)eps);
    });
    if (result.data != dst.data)
        result.copyTo(dst);
}

}}
