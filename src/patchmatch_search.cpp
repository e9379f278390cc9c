// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "consensus_net.hpp"
#include "patchmatch.hpp"
#include "pair_scorer.hpp"
#include "refine.hpp"
#include "search.hpp"
#include "opencv2/core/utils/logger.hpp"

namespace cv { namespace semcorr {

// What PatchMatch costs per source cell, in pairs of cells of the dense search. It computes the hidden activations of 250 to 750 on
// grids of 25² to 100² cells with the default parameters, as patches of a cell's candidates overlap with each other and with those
// of its neighbours; each takes 1.2 to 1.4 times as long as in the dense sweep. Twice as many where the way back is asked
// for, too: this is in between, so that matches do not depend on whether a confidence is wanted.
static const int PAIRS_PER_CELL = 650;

static void warnOfSlowSearch(size_t dense, size_t memoryLimit)
{
    CV_LOG_WARNING(NULL, format("semcorr: dense 4D matching would need %.1f MB and memoryLimit is %.1f MB. PatchMatch, which is taken "
                                "instead, cannot share the hidden activations of this net and may take very long; raise memoryLimit "
                                "if there is memory", dense / 1e6, memoryLimit / 1e6));
}

int chooseSearch(const SearchTask& task)
{
    if (task.params.mode != SEARCH_AUTO)
        return task.params.mode;
    if (!task.selfSimilarity.empty())
        return SEARCH_DENSE_4D;
    const bool shares = sharesHiddenSites(task.net), sparse = PAIRS_PER_CELL < task.grid2().area();
    const size_t dense = denseWorkspace(task);
    const bool fits = dense <= task.params.memoryLimit;
    if (!fits && !shares)
        warnOfSlowSearch(dense, task.params.memoryLimit);
    return !fits || (shares && !task.params.mutual && sparse) ? SEARCH_PATCHMATCH : SEARCH_DENSE_4D;
}

SearchResult patchMatchSearch(const SearchTask& task, bool wantBack)
{
    if (!task.selfSimilarity.empty())
        CV_Error(Error::StsBadArg, "mode is SEARCH_PATCHMATCH with a self-similarity branch, whose scores are not local; "
                                   "expected SEARCH_DENSE_4D");
    // as far as refinement looks
    const int refine = task.params.refine, radius = refine == REFINE_SOFT_ARGMAX ? AROUND_RADIUS : refine == REFINE_PARABOLA ? 1 : 0;
    FeaturePyramid levels1(1, task.f1), levels2(1, task.f2);
    levels1.insert(levels1.end(), task.coarse1.begin(), task.coarse1.end());
    levels2.insert(levels2.end(), task.coarse2.begin(), task.coarse2.end());
    PatchMatchResult found = patchMatch(levels1, levels2, task.net, task.params, radius);
    SearchResult result;
    result.targets = found.targets;
    result.best = found.best;
    result.around = Mat(found.targets.size(), CV_32FC(AROUND));
    const int side = 2 * radius + 1, border = AROUND_RADIUS - radius;
    result.around.forEach<Vec<float, AROUND> >([&](Vec<float, AROUND>& around, const int* p)
    {
        around = Vec<float, AROUND>::all(-FLT_MAX);
        const float* scores = found.around.ptr<float>(p[0]) + (size_t)p[1] * side * side;
        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++)
                around[(y + border) * AROUND_SIDE + x + border] = *scores++;
    });
    result.pairsScored = found.pairsScored;
    result.hiddenSites = found.hiddenSites;
    result.peakWorkspace = found.peakWorkspace;
    result.iterations = found.iterations;
    if (wantBack)
    {
        found = patchMatch(levels2, levels1, *transposedNet(task.net), task.params, 0);
        result.back = found.targets;
        result.pairsScored += found.pairsScored;
        result.hiddenSites += found.hiddenSites;
        result.peakWorkspace = std::max(result.peakWorkspace, found.peakWorkspace);
    }
    return result;
}

}}
