// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_SEMCORR_MATCHER_HPP
#define OPENCV_SEMCORR_MATCHER_HPP

#include "opencv2/semcorr/features.hpp"
#include "opencv2/semcorr/consensus.hpp"

namespace cv { namespace semcorr {

//! @addtogroup semcorr
//! @{

//! How Matcher finds the best pairs
enum SearchMode
{
    SEARCH_AUTO = 0,      //!< the cheaper of the two by the cost model of Matcher::Params
    SEARCH_DENSE_4D = 1,  //!< score all pairs by 4D convolution (NC-Net @cite Rocco2018, ANC-Net @cite Li2020)
    SEARCH_PATCHMATCH = 2 //!< score only the pairs that PatchMatch @cite Barnes2009 visits (PMNC @cite Lee2021)
};

//! Where PatchMatch begins
enum SearchInit
{
    INIT_CORRELATION = 0,    //!< local maxima of the correlation's mean over 3 x 3 cells at equal displacement
    INIT_COARSE_TO_FINE = 1, //!< what a search of a coarser grid finds; grids of up to 128^4 pairs of cells as INIT_CORRELATION
    INIT_RANDOM = 2          //!< random targets; for comparison, it needs more iterations and randomSearch
};

//! From which neighbours PatchMatch propagates matches
enum SearchOffsets
{
    OFFSETS_AXES = 0,  //!< the 4 along the axes
    OFFSETS_GIPUMA = 1 //!< 20: at distances 1, 3 and 5 along the axes, and the 8 knight's moves
};

//! Sub-cell position of a match
enum Refinement
{
    REFINE_NONE = 0,       //!< cell centres
    REFINE_PARABOLA = 1,   //!< vertex of the parabola through the best score and its two neighbours, along x and y
    REFINE_SOFT_ARGMAX = 2 //!< softmax-weighted mean position over 5x5 target cells; for nets whose scores are logits
};

//! Where the search runs
enum ComputeTarget
{
    TARGET_CPU = 0, //!< SIMD and threads
    TARGET_CUDA = 1 //!< CUDA device; throws GpuNotSupported where the module is built without
};

/** @brief Dense semantic correspondence between two images.

The default matcher (`create()`) is compiled in: PMNC @cite Lee2021 as this module trains it, features of the embedded backbone
with an adapter behind it and a consensus net of two layers. `getProvenance()` and data/README.md of the module say what it was
trained on; on objects of other kinds it does less well, see there.

@code{.cpp}
Ptr<semcorr::Matcher> matcher = semcorr::Matcher::create();
Mat flow, confidence, warped;
matcher->match(image1, image2, flow, confidence);
remap(image2, warped, flow, noArray(), INTER_LINEAR | WARP_RELATIVE_MAP);
@endcode

One object must not be used by two threads at a time. Objects are made by create(); calling the class itself in Python makes
none that can be used.
*/
class CV_EXPORTS_W Matcher : public Algorithm
{
public:
    /** @brief Parameters of the search.

    How PatchMatch searches is our choice, since the paper @cite Lee2021 does not publish it: a few starts per cell, then in
    each iteration all cells at once (so that the order of cells plays no part) take over what their neighbours match to, at
    the same displacement, if it scores higher there than their own match, and try the cells around their own matches. Both are left
    out where they are expected to score less than what a cell has, as the part of a score that is a multiple of the correlation
    (ConsensusNet::setResidual) tells. Target cells are scored in blocks of 2x2. No pair is scored twice, but where the processor
    multiplies bytes faster than floats (AVX-512 with VNNI): there all of this is done with scores rounded to 8 bits, then each cell's
    best and what scores nearly as much get exact scores, and passes go on from cells that have other matches by these, or more
    than a neighbour had by rounded ones.

    With INIT_COARSE_TO_FINE, grids of more than 128^4 pairs of cells begin with a search of a grid with half as many cells along each
    side. Its features are those of FeatureNet::computeCoarse, if there are images and the net has them: then all passes are made on
    the coarsest grid, and finer ones score what lies around its matches. Else they are means of 2x2 cells, and all grids are searched.

    With mutual, PatchMatch scores the mutually filtered correlation; the filter after the net, which needs the scores of all
    pairs, is not applied.

    PatchMatch gives the scores of the dense search with both paddings of a net: with PADDING_LAYER hidden cells beyond the
    grids count as zero in both.

    **Cost model of SEARCH_AUTO.** It counts pairs of cells whose hidden activations are computed. Dense search computes all
    n1 * n2 of them (n1, n2: cells of the two grids; the frame of PADDING_INPUT is not counted). PatchMatch shares them between
    overlapping patches, if the net has two layers 1-N-1 (N up to 16) of 3x3x3x3 kernels and is not SYMMETRY_BLOCK: it computes
    250 to 750 of them per cell of grid 1 on grids of 25^2 to 100^2 cells with the default parameters, and as many per cell of
    grid 2 where the confidence asks for the way back (bidirectional). It is estimated at 650 * n1, in between, so that matches
    do not depend on whether a confidence is asked for. Those of rounded scores take
    half of the time, and are not counted as less.
    PatchMatch runs if the net is of that kind, mutual is off and its estimate is the smaller; or if dense search does not fit
    into memoryLimit; then, where the net is not of that kind, a warning is logged, as many times more hidden activations are
    computed than the dense search would compute. With a self-similarity branch dense search runs always.

    **Memory of the dense search.** Nets of that kind without SYMMETRY_NET are run from plane to plane, if mutual is off and there is
    no second branch: nothing of the size of n1 * n2 is stored, but n2 scores of each of the up to four cells around a keypoint.
    For all others the volumes of the correlation, the scores and the net's activations are. */
    struct CV_EXPORTS_W_SIMPLE Params
    {
        /** @param mode SearchMode
        @param iterations PatchMatch: passes after the start; the search ends earlier when nothing new is found
        @param hypotheses PatchMatch: matches kept per cell, at least two cells apart
        @param offsets PatchMatch: SearchOffsets
        @param localRadius PatchMatch: cells around each own match that are tried, |dx| + |dy| up to this; 0 for none, 1 for those
        that promise a higher score, more for all
        @param randomSearch PatchMatch: try targets at random distances that halve from the grid's side to 1
        @param init PatchMatch: SearchInit
        @param seed PatchMatch: of the random numbers; the same seed gives the same result for any number of threads
        @param mutual soft mutual nearest neighbours (mutualFilter) before and after the net; nets of NC-Net @cite Rocco2018 and
        ANC-Net @cite Li2020 need it, the default one and others of PMNC do without
        @param bidirectional match 2 -> 1 as well and lower the confidence of matches that do not come back
        @param refine Refinement; REFINE_PARABOLA for nets whose scores are no logits, such as those of NC-Net
        @param memoryLimit bytes of workspace that a search may hold, features and results not counted (default 1 GiB)
        @param target ComputeTarget */
        CV_WRAP Params(int mode = SEARCH_AUTO, int iterations = 5, int hypotheses = 2, int offsets = OFFSETS_AXES,
                       int localRadius = 1, bool randomSearch = false, int init = INIT_COARSE_TO_FINE, int seed = 0,
                       bool mutual = false, bool bidirectional = true, int refine = REFINE_SOFT_ARGMAX,
                       size_t memoryLimit = 1073741824, int target = TARGET_CPU);

        CV_PROP_RW int mode;           //!< SearchMode
        CV_PROP_RW int iterations;     //!< passes of PatchMatch; [0, 1000]
        CV_PROP_RW int hypotheses;     //!< matches that PatchMatch keeps per cell; [1, 64]
        CV_PROP_RW int offsets;        //!< SearchOffsets
        CV_PROP_RW int localRadius;    //!< cells; [0, 16]
        CV_PROP_RW bool randomSearch;  //!< random search in every pass
        CV_PROP_RW int init;           //!< SearchInit
        CV_PROP_RW int seed;           //!< any value
        CV_PROP_RW bool mutual;        //!< mutualFilter before and after the net
        CV_PROP_RW bool bidirectional; //!< forward-backward check in the confidence
        CV_PROP_RW int refine;         //!< Refinement
        CV_PROP_RW size_t memoryLimit; //!< bytes of workspace, at least 1 MiB (1048576)
        CV_PROP_RW int target;         //!< ComputeTarget
    };

    /** @brief What the last match or matchFeatures did. */
    struct CV_EXPORTS_W_SIMPLE Stats
    {
        CV_WRAP Stats();

        CV_PROP int mode;             //!< the SearchMode that ran, never SEARCH_AUTO
        CV_PROP int64 pairsScored;    //!< pairs of cells scored
        CV_PROP int64 hiddenSites;    //!< pairs of cells with hidden activations computed, over layers and branches
        CV_PROP int iterations;       //!< PatchMatch iterations; 0 in dense mode
        CV_PROP size_t peakWorkspace; //!< most bytes of workspace held at a time
        CV_PROP double featuresMs;    //!< time of the backbone, ms
        CV_PROP double searchMs;      //!< time of correlation, consensus and search, ms
        CV_PROP double refineMs;      //!< time of refinement, flow and confidence, ms
        CV_PROP double totalMs;       //!< whole call, ms
    };

    /** @brief The default matcher: a trained model that is compiled in, the same as a model file of save().
    @param params search parameters, checked here as in setParams. The defaults are those that the model was made for. */
    CV_WRAP static Ptr<Matcher> create(const Matcher::Params& params = Matcher::Params());

    /** @brief A matcher from a model file, with the search parameters of that file.
    @param modelFile file written by save(), which may be compressed by gzip. It holds the backbone (or names one), adapter, net
    and provenance. Throws for a missing, damaged or inconsistent file. */
    CV_WRAP static Ptr<Matcher> create(CV_WRAP_FILE_PATH const String& modelFile);

    /** @overload
    @param modelFile file written by save()
    @param params used instead of those in the file */
    CV_WRAP static Ptr<Matcher> create(CV_WRAP_FILE_PATH const String& modelFile, const Matcher::Params& params);

    /** @brief A matcher of given parts.
    @param featureNet shared, not copied
    @param net shared, not copied; at least one block, one output channel
    @param params search parameters */
    CV_WRAP static Ptr<Matcher> create(const Ptr<FeatureNet>& featureNet, const Ptr<ConsensusNet>& net,
                                       const Matcher::Params& params = Matcher::Params());

    /** @brief Adds ANC-Net's second branch @cite Li2020: scores = 0.5*net(correlation) + 0.5*net(correlation of selfSimilarity),
    each with its own mutual filters.
    @param weights layers of selfSimilarity; an empty list or noArray() removes the branch
    @param biases as many vectors
    @param window side of the self-similarity window, odd, [1, 31] */
    CV_WRAP virtual void setSelfSimilarity(CV_ND InputArrayOfArrays weights, CV_ND InputArrayOfArrays biases,
                                           int window = 5) = 0;

    /** @brief Finds for each pixel of image1 its correspondence in image2.
    @param image1 `CV_8UC3` (BGR), both sides at least 2
    @param image2 `CV_8UC3` (BGR), both sides at least 2, of any other size than image1
    @param flow `CV_32FC2` of image1's size, (dx, dy) in pixels: `remap(image2, warped, flow, noArray(),
    INTER_LINEAR | WARP_RELATIVE_MAP)` warps image 2 onto image 1
    @param confidence optional `CV_32F` of image1's size in [0, 1]: the cosine similarity of the matched features, negative
    ones as 0, times exp(-d^2 / 2) with Params::bidirectional, d the distance in cells at which the best match of the
    target comes back. Our choice; it ranks matches and is not a probability.
    @param mask1 optional `CV_8U` of image1's size: where it is 0, flow and confidence are set to 0 */
    CV_WRAP virtual void match(InputArray image1, InputArray image2, OutputArray flow,
                               OutputArray confidence = noArray(), InputArray mask1 = noArray()) = 0;

    /** @brief Keeps image1's features, and a copy of the image for those of coarser grids, for any number of matchReference calls. Call
    it again after changing the FeatureNet.
    @param image1 `CV_8UC3` (BGR) */
    CV_WRAP virtual void setReference(InputArray image1) = 0;

    /** @brief match() of the reference image with image2. Throws before the first setReference.
    @param image2 `CV_8UC3` (BGR)
    @param flow as in match
    @param confidence as in match */
    CV_WRAP virtual void matchReference(InputArray image2, OutputArray flow, OutputArray confidence = noArray()) = 0;

    /** @brief Matches two grids of features.
    PatchMatch decides where it begins by features rounded to 8 bits of the largest value, so that vectors should be of similar length;
    scores are of the features as they are. On grids of more than 128^4 pairs of cells it begins with means of 2x2 cells, see
    INIT_COARSE_TO_FINE, and may find other matches than match().
    @param features1 h1xw1xC `CV_32F`, finite, not all zero; taken as they are (compute gives unit length)
    @param features2 h2xw2xC of the same C
    @param field `CV_32FC2` h1xw1: target position in cells of grid 2, fractional with Params::refine
    @param scores optional `CV_32F` h1xw1: the consensus score of the best cell, unbounded */
    CV_WRAP virtual void matchFeatures(CV_ND InputArray features1, CV_ND InputArray features2, OutputArray field,
                                       OutputArray scores = noArray()) = 0;

    /** @brief Carries points of image1 to image2.
    @param image1 `CV_8UC3` (BGR)
    @param image2 `CV_8UC3` (BGR)
    @param points1 N points in pixels of image1, any layout and depth that checkVector(2) takes; finite, at least one.
    Points outside the image are treated as on its border.
    @param points2 Nx1 `CV_32FC2`, in pixels of image2
    @param confidence optional Nx1 `CV_32F` in [0, 1]: that of match for the nearest source cell and the whole target cell */
    CV_WRAP virtual void transferKeypoints(InputArray image1, InputArray image2, InputArray points1,
                                           OutputArray points2, OutputArray confidence = noArray()) = 0;

    /** @brief transferKeypoints of two pictures whose features are there already, with the same result (but for grids of more than
    128^4 pairs of cells, see INIT_COARSE_TO_FINE): for programs that use the features of a picture many times.
    @param features1 h1xw1xC `CV_32F`, finite, not all zero: what FeatureNet::compute gives for image 1
    @param size1 size of image 1 in pixels
    @param features2 h2xw2xC of the same C, of image 2
    @param size2 size of image 2 in pixels
    @param points1 as in transferKeypoints
    @param points2 as in transferKeypoints
    @param confidence as in transferKeypoints */
    CV_WRAP virtual void transferKeypointsFeatures(CV_ND InputArray features1, const Size& size1, CV_ND InputArray features2,
                                                   const Size& size2, InputArray points1, OutputArray points2,
                                                   OutputArray confidence = noArray()) = 0;

    /** @brief The most confident matches as KeyPoint and DMatch, for the rest of OpenCV (RANSAC, drawMatches, ...).
    @param image1 `CV_8UC3` (BGR)
    @param image2 `CV_8UC3` (BGR)
    @param keypoints1 centres of matched cells of image1
    @param keypoints2 their matches in image2; keypoints1[i] belongs to keypoints2[i]
    @param matches in falling confidence; DMatch::distance is 1 - confidence
    @param maxMatches at most so many, at least 1 */
    CV_WRAP virtual void matchSparse(InputArray image1, InputArray image2, CV_OUT std::vector<KeyPoint>& keypoints1,
                                     CV_OUT std::vector<KeyPoint>& keypoints2, CV_OUT std::vector<DMatch>& matches,
                                     int maxMatches = 500) = 0;

    /** @brief The parameters in use. */
    CV_WRAP virtual Matcher::Params getParams() const = 0;
    /** @brief Replaces the parameters; values out of range are refused with a cv::Exception and the old ones stay. */
    CV_WRAP virtual void setParams(const Matcher::Params& params) = 0;
    /** @brief What the last call did. */
    CV_WRAP virtual Matcher::Stats getStats() const = 0;

    /** @brief The backbone, shared. */
    CV_WRAP virtual Ptr<FeatureNet> getFeatureNet() const = 0;
    /** @brief The consensus net, shared. */
    CV_WRAP virtual Ptr<ConsensusNet> getConsensusNet() const = 0;

    /** @brief Free text about data, command, seed and results that made this model; kept in the model file. UTF-8, at most
    1 MiB and 65536 lines, of which every 100 bytes count as one. */
    CV_WRAP virtual void setProvenance(const String& text) = 0;
    /** @brief The text that setProvenance or the model file gave. */
    CV_WRAP virtual String getProvenance() const = 0;

    /** @brief Writes one model file: backbone, adapter, nets, parameters, provenance; complete or not at all.

    Of a net that begins with the bytes of the embedded backbone, as those of the default matcher and of semcorr_train do, only
    the rest is stored: such a file is small, and needs a module with the same embedded backbone; another one throws an error with
    both SHA-256. Any other backbone of more than 8 MB is not copied but referred to by its bare file name and SHA-256, and is
    looked for beside the model file.
    @param filename extension .yml, .yaml, .json or .xml decides nothing: the file is YAML with a checksum */
    CV_WRAP void save(CV_WRAP_FILE_PATH const String& filename) const CV_OVERRIDE = 0;
};

//! @}
}}

#endif
