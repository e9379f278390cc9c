// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_SEMCORR_CONSENSUS_HPP
#define OPENCV_SEMCORR_CONSENSUS_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

//! @addtogroup semcorr
//! @{

//! Zero padding of conv4d
enum ConvPadding
{
    CONV_SAME = 0, //!< zeros around the volume; the output has the input's grids
    CONV_VALID = 1 //!< no padding; each dimension shrinks by its kernel size - 1
};

//! From which image's cells bestMatches looks for partners
enum MatchDirection
{
    FROM_1_TO_2 = 0, //!< one target cell of grid 2 for each cell of grid 1
    FROM_2_TO_1 = 1  //!< one target cell of grid 1 for each cell of grid 2
};

//! How a ConsensusNet is made independent of the order of the two images; ^T swaps the two grids of a volume
enum Symmetry
{
    SYMMETRY_NONE = 0, //!< net(c)
    SYMMETRY_NET = 1,  //!< net(c) + net(c^T)^T over the whole net, NC-Net @cite Rocco2018
    SYMMETRY_BLOCK = 2 //!< block(x) + block(x^T)^T after each block, ANC-Net @cite Li2020
};

//! Where a ConsensusNet pads with zeros
enum NetPadding
{
    PADDING_LAYER = 0, //!< every layer pads to "same" size, NC-Net and ANC-Net
    PADDING_INPUT = 1  //!< the input is padded once and all layers are valid convolutions, so that a pair's score depends
                       //!< on its zero-padded patch alone and dense scores equal local ones everywhere (our choice for PMNC)
};

//! Layer shapes of published nets
enum NetPreset
{
    PRESET_NCNET_555 = 0, //!< NC-Net for PF-PASCAL: 5x5x5x5 kernels, channels 1-16-16-1 @cite Rocco2018
    PRESET_NCNET_33 = 1,  //!< NC-Net for InLoc: 3x3x3x3 kernels, channels 1-16-1 @cite Rocco2018
    PRESET_ANCNET_A = 2,  //!< ANC-Net, 3x3x5x5 kernels in the first layer @cite Li2020
    PRESET_ANCNET_B = 3,  //!< ANC-Net, 3x3x5x5 kernels in the second layer @cite Li2020
    PRESET_ANCNET_C = 4,  //!< ANC-Net, 3x3x5x5 kernels in the first and second layer @cite Li2020
    PRESET_PMNC = 5       //!< the local score of our PMNC: 3x3x3x3 kernels, channels 1-16-1, PADDING_INPUT, not symmetric. The
                          //!< paper @cite Lee2021 does not publish its layers, so this shape is our choice.
};

/** @brief Scales each cell's feature vector to unit length, f / sqrt(sum of f^2 + eps).
@param src hxwxC features, `CV_32F`; a 3-D Mat or a 2-D multi-channel one, finite
@param dst hxwxC `CV_32F` (3-D); may be src
@param eps in [FLT_MIN, FLT_MAX]; 1e-6 as in NC-Net @cite Rocco2018. An all-zero cell stays zero. */
CV_EXPORTS_W void normalizeFeatures(CV_ND InputArray src, CV_ND OutputArray dst, double eps = 1e-6);

/** @brief Correlation of all pairs of cells, c[y1, x1, y2, x2] = dot(f1(y1, x1), f2(y2, x2)).
@param features1 h1xw1xC features, taken as they are (see normalizeFeatures), finite and not all zero
@param features2 h2xw2xC features of the same C, finite and not all zero
@param corr `{h1, w1, h2, w2}` `CV_32F` */
CV_EXPORTS_W void correlate(CV_ND InputArray features1, CV_ND InputArray features2, CV_ND OutputArray corr);

/** @brief Soft mutual nearest neighbours, c * (c / (max over grid 1 + eps)) * (c / (max over grid 2 + eps)).
@param corr `{h1, w1, h2, w2}` `CV_32F`; must be finite, which is not checked
@param dst same size; may be corr
@param eps in [FLT_MIN, FLT_MAX]; 1e-5 as in NC-Net @cite Rocco2018, whose published code this equals, also where maxima are
negative */
CV_EXPORTS_W void mutualFilter(CV_ND InputArray corr, CV_ND OutputArray dst, double eps = 1e-5);

/** @brief 4D convolution (cross-correlation, as in every deep-learning library) over both grids.
@param src activations `{inChannels, h1, w1, h2, w2}`, or `{h1, w1, h2, w2}` for one channel; `CV_32F`; must be finite, which is
not checked
@param weights `{outChannels, inChannels, kh1, kw1, kh2, kw2}` `CV_32F`, finite; odd kernel sizes of at most 31, which may differ;
at most 1024 channels
@param bias outChannels values, `CV_32F`, finite; noArray() for none
@param dst activations `{outChannels, ...}`, always 5-D
@param padding ConvPadding. CONV_VALID throws where a grid is smaller than the kernel. */
CV_EXPORTS_W void conv4d(CV_ND InputArray src, CV_ND InputArray weights, CV_ND InputArray bias, CV_ND OutputArray dst,
                         int padding = CONV_SAME);

/** @brief 4D max-pooling of a fine correlation for relocalisation @cite Rocco2018.
@param corr `{h1, w1, h2, w2}` `CV_32F`, all sides multiples of k; must be finite, which is not checked
@param k side of the 4D box and stride, at least 1
@param dst `{h1/k, w1/k, h2/k, w2/k}` `CV_32F`, the largest value of each box
@param offsets `{4, h1/k, w1/k, h2/k, w2/k}` `CV_32S`: where in its box the largest value is, (dy1, dx1, dy2, dx2), each in
[0, k). Ties: the first in row-major order. */
CV_EXPORTS_W void maxPool4d(CV_ND InputArray corr, int k, CV_ND OutputArray dst, CV_ND OutputArray offsets);

/** @brief Fine matches from coarse ones, p*k + offset on both sides @cite Rocco2018.
@param field coarse matches of bestMatches on the pooled grids (whole cells), `CV_32FC2`
@param offsets from maxPool4d
@param k from maxPool4d
@param matches Nx1 `CV_32FC4`, N coarse source cells row-major: (x1, y1, x2, y2) in cells of the fine grids
@param direction the one that field was made with */
CV_EXPORTS_W void relocalize(InputArray field, CV_ND InputArray offsets, int k, OutputArray matches,
                             int direction = FROM_1_TO_2);

/** @brief Self-similarity features, the second branch of ANC-Net @cite Li2020.

The dot products of each cell with those in a window around it (zero outside the grid) are window^2 channels, column by column
of the window; each layer is a zero-padded 2D convolution with ReLU on the output of the one before. All are concatenated,
and not normalised again.
@param features hxwxC features, normally of unit length
@param weights list of `{out, in, kh, kw}` `CV_32F` kernels, odd sizes; the first takes window^2 channels
@param biases list of as many vectors of `out` values
@param dst hxwx(window^2 + sum of out) `CV_32F`
@param window odd side of the window in cells, in [1, 31] */
CV_EXPORTS_W void selfSimilarity(CV_ND InputArray features, CV_ND InputArrayOfArrays weights,
                                 CV_ND InputArrayOfArrays biases, CV_ND OutputArray dst, int window = 5);

/** @brief The best target cell of each source cell. Ties: the lowest row-major target wins.
@param scores `{h1, w1, h2, w2}` `CV_32F`; must be finite, which is not checked
@param field `CV_32FC2` of the source grid's size: (x, y) of the target cell, whole numbers
@param best `CV_32F` of the same size: the score there
@param direction MatchDirection
@param softmax whether best is the softmax over all targets (NC-Net's read-out @cite Rocco2018) instead of the raw score */
CV_EXPORTS_W void bestMatches(CV_ND InputArray scores, OutputArray field, OutputArray best,
                              int direction = FROM_1_TO_2, bool softmax = false);

/** @brief Flow in pixels from a field in cells.

Target positions are interpolated bilinearly between source cell centres. Beyond the outermost centres they are
extrapolated linearly and kept inside image 2, so that every affine map whose targets lie in image 2 is reproduced exactly.
@param field `CV_32FC2`, target cell position of each source cell; may be fractional
@param size1 of the source image in pixels
@param grid2 size of the target grid in cells
@param size2 of the target image in pixels
@param flow `CV_32FC2` of size1, (dx, dy) in pixels */
CV_EXPORTS_W void fieldToFlow(InputArray field, const Size& size1, const Size& grid2, const Size& size2, OutputArray flow);

/** @brief Carries points through a field: the value of fieldToFlow's flow at any position, without the whole flow.
@param field `CV_32FC2`, target cell position of each source cell
@param size1 of the source image in pixels
@param grid2 size of the target grid in cells
@param size2 of the target image in pixels
@param points1 N points in the source image, any layout and depth that Mat::checkVector(2) takes, finite, at least one
@param points2 Nx1 `CV_32FC2`, their positions in the target image */
CV_EXPORTS_W void transferPoints(InputArray field, const Size& size1, const Size& grid2, const Size& size2,
                                 InputArray points1, OutputArray points2);

/** @brief The consensus score of pairs of cells: layers of 4D convolutions on the correlation of two images.

A net is a sequence of blocks. A block holds one or several parallel 4D convolutions of the same input, whose outputs are
concatenated, followed by ReLU. The first takes one channel, the last gives one. forward() scores all pairs,
scorePairs() only those listed, from local patches, with the same result.

Objects are made by create(), createPreset() or load(); calling the class itself in Python makes none that can be used.
*/
class CV_EXPORTS_W ConsensusNet : public Algorithm
{
public:
    /** @brief A net without blocks.
    @param symmetry Symmetry
    @param padding NetPadding */
    CV_WRAP static Ptr<ConsensusNet> create(int symmetry = SYMMETRY_NET, int padding = PADDING_LAYER);

    /** @brief The layers of a published net with all weights zero, to be filled by setBlock.
    @param preset NetPreset */
    CV_WRAP static Ptr<ConsensusNet> createPreset(int preset);

    /** @brief Appends a block. Arrays are copied.
    @param weights one 6-D Mat `{outChannels, inChannels, kh1, kw1, kh2, kw2}`, or a list of them: parallel convolutions of
    the same inChannels, outputs concatenated in this order. inChannels must be 1 for the first block, else the channels
    the block before gives. Finite; odd kernel sizes of at most 31, at most 1024 channels.
    @param biases one vector of outChannels values, or a list; noArray(): zeros
    @param joined with SYMMETRY_BLOCK, make one symmetric unit of this block and the one before, as ANC-Net A does with its
    last two layers @cite Li2020. No effect with other symmetries. */
    CV_WRAP virtual void addBlock(CV_ND InputArrayOfArrays weights, CV_ND InputArrayOfArrays biases = noArray(),
                                  bool joined = false) = 0;

    /** @brief Number of blocks. */
    CV_WRAP virtual int getBlockCount() const = 0;

    /** @brief Copies of a block's arrays.
    @param i index in [0, getBlockCount())
    @param weights list of 6-D `CV_32F` Mats, one per parallel convolution
    @param biases list of as many outChannelsx1 `CV_32F` Mats */
    CV_WRAP virtual void getBlock(int i, CV_OUT std::vector<Mat>& weights, CV_OUT std::vector<Mat>& biases) const = 0;

    /** @brief Replaces the weights of a block; all shapes must be as before.
    @param i index in [0, getBlockCount())
    @param weights as in addBlock
    @param biases as in addBlock */
    CV_WRAP virtual void setBlock(int i, CV_ND InputArrayOfArrays weights, CV_ND InputArrayOfArrays biases = noArray()) = 0;

    /** @brief Whether block i is one symmetric unit with the block before, see addBlock. */
    CV_WRAP virtual bool isJoined(int i) const = 0;

    /** @brief Symmetry of the net. */
    CV_WRAP virtual int getSymmetry() const = 0;
    /** @brief NetPadding of the net. */
    CV_WRAP virtual int getPadding() const = 0;

    /** @brief Whether ReLU follows the last block, too (as in the published nets; on by default). */
    CV_WRAP virtual void setLastActivation(bool enable) = 0;
    /** @brief Whether ReLU follows the last block, too. */
    CV_WRAP virtual bool getLastActivation() const = 0;

    /** @brief Weight a of a residual term: the score of (p, q) is net + a*c(p, q). 0 by default; |a| < 1e30. Our choice, not
    the papers'. */
    CV_WRAP virtual void setResidual(double a) = 0;
    /** @brief Weight a of the residual term, see setResidual. */
    CV_WRAP virtual double getResidual() const = 0;

    /** @brief Scores of all pairs of cells.
    @param corr `{h1, w1, h2, w2}` `CV_32F`; must be finite, which is not checked
    @param scores same size; may be corr
    Throws when the net has no block or does not end in one channel. */
    CV_WRAP virtual void forward(CV_ND InputArray corr, CV_ND OutputArray scores) const = 0;

    /** @brief Scores of listed pairs, equal to those of forward on correlate(features1, features2), without a 4D volume.
    @param features1 h1xw1xC features
    @param features2 h2xw2xC features
    @param cells1 n cells (x, y) of grid 1, `CV_32SC2` nx1 or any layout checkVector(2, CV_32S) takes
    @param cells2 n cells (x, y) of grid 2, the partners
    @param scores nx1 `CV_32F`
    Throws for cells outside their grid, naming the first. */
    CV_WRAP virtual void scorePairs(CV_ND InputArray features1, CV_ND InputArray features2, InputArray cells1,
                                    InputArray cells2, OutputArray scores) const = 0;

    /** @brief Writes the net to a file of its own (YAML with a checksum; complete or not at all). */
    CV_WRAP void save(CV_WRAP_FILE_PATH const String& filename) const CV_OVERRIDE = 0;

    /** @brief Reads a net that save() wrote. Throws for a missing, damaged or inconsistent file. */
    CV_WRAP static Ptr<ConsensusNet> load(CV_WRAP_FILE_PATH const String& filename);
};

//! @}
}}

#endif
