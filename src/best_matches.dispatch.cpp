// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "best_matches.hpp"
#include "checks.hpp"

#include "best_matches.simd.hpp"
#include "best_matches.simd_declarations.hpp"

namespace cv { namespace semcorr {

int indexOfBest(const float* scores, int n)
{
    CV_CPU_DISPATCH(indexOfBest, (scores, n), CV_CPU_DISPATCH_MODES_ALL);
}

void keepBest(const float* scores, int n, int index, float* best, int* indices)
{
    CV_CPU_DISPATCH(keepBest, (scores, n, index, best, indices), CV_CPU_DISPATCH_MODES_ALL);
}

// exp(best − best) / Σ exp(score − best): NC-Net's read-out of the winner. Fixed order of summation.
static float softmaxOfBest(const float* scores, size_t n, size_t stride, float best)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += std::exp((double)scores[j * stride] - best);
    return (float)(1 / sum);
}

// volume seen as n1×n2; one target (of n2) per row
static void bestOfRows(const float* scores, size_t n1, size_t n2, int w2, bool softmax, Point2f* field, float* best)
{
    parallel_for_(Range(0, (int)n1), [&](const Range& range)
    {
        for (int i = range.start; i < range.end; i++)
        {
            const float* row = scores + i * n2;
            const int j = indexOfBest(row, (int)n2);
            field[i] = Point2f((float)(j % w2), (float)(j / w2));
            best[i] = softmax ? softmaxOfBest(row, n2, 1, row[j]) : row[j];
        }
    });
}

// volume seen as n1×n2; one target (of n1) per column. Rows are read in order, for a run of columns at a time.
static void bestOfColumns(const float* scores, size_t n1, size_t n2, int w1, bool softmax, Point2f* field, float* best)
{
    parallel_for_(Range(0, (int)n2), [&](const Range& range)
    {
        std::vector<int> target(range.size(), 0);
        std::copy(scores + range.start, scores + range.end, best + range.start);
        for (size_t i = 1; i < n1; i++)
            keepBest(scores + i * n2 + range.start, range.size(), (int)i, best + range.start, target.data());
        for (int j = range.start; j < range.end; j++)
        {
            const int i = target[j - range.start];
            field[j] = Point2f((float)(i % w1), (float)(i / w1));
            if (softmax)
                best[j] = softmaxOfBest(scores + j, n1, n2, best[j]);
        }
    });
}

void bestMatches(InputArray scores, OutputArray field, OutputArray best, int direction, bool softmax)
{
    CV_INSTRUMENT_REGION();
    const Mat s = getVolume(scores, "scores");
    checkEnum(direction, FROM_2_TO_1, "direction", "FROM_1_TO_2 (0) or FROM_2_TO_1 (1)");
    const Size grid1(s.size[1], s.size[0]), grid2(s.size[3], s.size[2]);
    const size_t n1 = grid1.area(), n2 = grid2.area();

    const Size source = direction == FROM_1_TO_2 ? grid1 : grid2;
    field.create(source, CV_32FC2);
    Mat fieldMat = field.getMat(), bestMat(source, CV_32F);
    Mat whole = fieldMat.isContinuous() ? fieldMat : Mat(source, CV_32FC2);
    if (direction == FROM_1_TO_2)
        bestOfRows(s.ptr<float>(), n1, n2, grid2.width, softmax, whole.ptr<Point2f>(), bestMat.ptr<float>());
    else
        bestOfColumns(s.ptr<float>(), n1, n2, grid1.width, softmax, whole.ptr<Point2f>(), bestMat.ptr<float>());
    if (whole.data != fieldMat.data)
        whole.copyTo(fieldMat);
    if (best.needed())
        bestMat.copyTo(best);
}

}}
