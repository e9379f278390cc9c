// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "start_agreement.hpp"

#include "start_agreement.simd.hpp"
#include "start_agreement.simd_declarations.hpp"

namespace cv { namespace semcorr {

static void dropLonelyIn(const StartField& field, const Mat& values, const Range& rows, Mat& targets)
{
    CV_CPU_DISPATCH(dropLonelyIn, (field, values, rows, targets), CV_CPU_DISPATCH_MODES_ALL);
}

static void appendSharedIn(const StartField& field, const Size& grid2, const Range& rows, Mat& targets)
{
    CV_CPU_DISPATCH(appendSharedIn, (field, grid2, rows, targets), CV_CPU_DISPATCH_MODES_ALL);
}

namespace {

// Owns what a field points to
class AllStarts
{
public:
    // targets {cells of grid 1, any}
    AllStarts(const Size& grid1, const Size& grid2, const Mat& targets);

    static size_t bytes(const Size& grid1) { return (size_t)grid1.area() * (StartField::SIZE * sizeof(unsigned) + sizeof(int)); }
    StartField field() const
    {
        const StartField found = { grid1, places.data(), counts.data() };
        return found;
    }

private:
    void fill(const Size& grid2, const int* starts, int size, int cell1);

    const Size grid1;
    std::vector<unsigned> places;
    std::vector<int> counts;
};

AllStarts::AllStarts(const Size& grid1_, const Size& grid2, const Mat& targets)
    : grid1(grid1_), places((size_t)targets.rows * StartField::SIZE), counts(targets.rows)
{
    parallel_for_(Range(0, grid1.height), [&](const Range& range)
    {
        for (int p = range.start * grid1.width; p < range.end * grid1.width; p++)
            fill(grid2, targets.ptr<int>(p), targets.cols, p);
    });
}

void AllStarts::fill(const Size& grid2, const int* starts, int size, int cell1)
{
    unsigned* place = &places[(size_t)cell1 * StartField::SIZE];
    int count = 0;
    for (; count < std::min(size, (int)StartField::SIZE) && starts[count] >= 0; count++)
        place[count] = StartField::place(cellAt(grid2, starts[count]));
    std::fill(place + count, place + StartField::SIZE, place[0]);  // all places are compared
    counts[cell1] = count;
}

}

void dropLonelyStarts(const Size& grid1, const Size& grid2, const Mat& values, Mat& targets)
{
    const AllStarts all(grid1, grid2, targets);
    parallel_for_(Range(0, grid1.height), [&](const Range& range) { dropLonelyIn(all.field(), values, range, targets); });
}

Mat withSharedStarts(const Mat& targets, const Size& grid1, const Size& grid2)
{
    const AllStarts all(grid1, grid2, targets);
    Mat result(targets.rows, targets.cols + SHARED_STARTS + 1, CV_32S, Scalar(-1));  // with a −1 at the end
    targets.copyTo(result.colRange(0, targets.cols));
    parallel_for_(Range(0, grid1.height), [&](const Range& range) { appendSharedIn(all.field(), grid2, range, result); });
    return result;
}

size_t sharedStartBytes(const Size& grid1, int own)
{
    return (size_t)grid1.area() * (own + SHARED_STARTS + 1) * sizeof(int) + AllStarts::bytes(grid1);
}

size_t agreementBytes(const Size& grid1)
{
    return AllStarts::bytes(grid1);
}

}}
