// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "checks.hpp"
#include "consensus_net.hpp"
#include "conv4d_pair.hpp"

namespace cv { namespace semcorr {

static Vec4i swapGrids(const Vec4i& v)
{
    return Vec4i(v[2], v[3], v[0], v[1]);
}

static Vec4i maxOf(const Vec4i& a, const Vec4i& b)
{
    return Vec4i(std::max(a[0], b[0]), std::max(a[1], b[1]), std::max(a[2], b[2]), std::max(a[3], b[3]));
}

static Vec4i radiusOf(const Conv4dLayer& conv)
{
    const Vec4i k = conv.kernel();
    return Vec4i(k[0] / 2, k[1] / 2, k[2] / 2, k[3] / 2);
}

static int64 sitesOf(const Vec4i& grids)
{
    return (int64)grids[0] * grids[1] * grids[2] * grids[3];
}

Ptr<ConsensusNet> ConsensusNet::create(int symmetry, int padding)
{
    checkEnum(symmetry, SYMMETRY_BLOCK, "symmetry", "SYMMETRY_NONE (0), SYMMETRY_NET (1) or SYMMETRY_BLOCK (2)");
    checkEnum(padding, PADDING_INPUT, "padding", "PADDING_LAYER (0) or PADDING_INPUT (1)");
    return makePtr<ConsensusNetImpl>(symmetry, padding);
}

static void addZeroBlock(ConsensusNet& net, int in, const std::vector<Vec4i>& kernels, int out, bool joined = false)
{
    std::vector<Mat> weights;
    for (size_t i = 0; i < kernels.size(); i++)
    {
        const int shape[] = { out, in, kernels[i][0], kernels[i][1], kernels[i][2], kernels[i][3] };
        weights.push_back(Mat(6, shape, CV_32F, Scalar(0)));
    }
    net.addBlock(weights, noArray(), joined);
}

Ptr<ConsensusNet> ConsensusNet::createPreset(int preset)
{
    checkEnum(preset, PRESET_PMNC, "preset", "a value of NetPreset in [0, 5]");
    const Vec4i k3(3, 3, 3, 3), k5(5, 5, 5, 5), k35(3, 3, 5, 5);
    const std::vector<Vec4i> threes(1, k3), fives(1, k5);
    std::vector<Vec4i> mixed(1, k35);  // the non-isotropic pair of ANC-Net
    mixed.push_back(k5);

    const bool ancnet = preset == PRESET_ANCNET_A || preset == PRESET_ANCNET_B || preset == PRESET_ANCNET_C;
    Ptr<ConsensusNet> net = create(preset == PRESET_PMNC ? SYMMETRY_NONE : ancnet ? SYMMETRY_BLOCK : SYMMETRY_NET,
                                   preset == PRESET_PMNC ? PADDING_INPUT : PADDING_LAYER);
    switch (preset)
    {
    case PRESET_NCNET_555:
        addZeroBlock(*net, 1, fives, 16);
        addZeroBlock(*net, 16, fives, 16);
        addZeroBlock(*net, 16, fives, 1);
        break;
    case PRESET_ANCNET_A:
        addZeroBlock(*net, 1, mixed, 8);
        addZeroBlock(*net, 16, fives, 16);
        addZeroBlock(*net, 16, fives, 1, true);
        break;
    case PRESET_ANCNET_B:
        addZeroBlock(*net, 1, fives, 16);
        addZeroBlock(*net, 16, mixed, 8);
        addZeroBlock(*net, 16, fives, 1);
        break;
    case PRESET_ANCNET_C:
        addZeroBlock(*net, 1, mixed, 8);
        addZeroBlock(*net, 16, mixed, 8);
        addZeroBlock(*net, 16, fives, 1);
        break;
    default:  // PRESET_NCNET_33, PRESET_PMNC
        addZeroBlock(*net, 1, threes, 16);
        addZeroBlock(*net, 16, threes, 1);
    }
    return net;
}

ConsensusNetImpl::ConsensusNetImpl(int symmetry_, int padding_)
    : symmetry(symmetry_), padding(padding_), lastActivation(true), residual(0)
{
}

int ConsensusNetImpl::Block::outChannels() const
{
    int n = 0;
    for (size_t i = 0; i < convs[PLAIN].size(); i++)
        n += convs[PLAIN][i].outChannels();
    return n;
}

ConsensusNetImpl::Block ConsensusNetImpl::makeBlock(InputArrayOfArrays weights, InputArrayOfArrays biases) const
{
    const std::vector<Mat> w = getFloatMats(weights, "weights"), b = getFloatMats(biases, "biases");
    if (w.empty())
        CV_Error(Error::StsBadArg, "weights is empty, expected one or several 6-D kernels");
    if (!b.empty() && b.size() != w.size())
        CV_Error(Error::StsUnmatchedSizes, format("biases has %d entries for %d convolutions, expected as many or none",
                                                  (int)b.size(), (int)w.size()));
    Block block;
    block.joined = false;
    for (size_t i = 0; i < w.size(); i++)
    {
        checkKernel4d(w[i], format("weights[%d]", (int)i));
        if (w[i].size[1] != w[0].size[1])
            CV_Error(Error::StsUnmatchedSizes, format("weights[%d] takes %d channels and weights[0] takes %d, expected as many",
                                                      (int)i, w[i].size[1], w[0].size[1]));
        if (!b.empty() && b[i].total() * b[i].channels() != (size_t)w[i].size[0])
            CV_Error(Error::StsUnmatchedSizes, format("biases[%d] is %s, expected %d values", (int)i, shapeOf(b[i]).c_str(),
                                                      w[i].size[0]));
        block.convs[PLAIN].push_back(Conv4dLayer(w[i], b.empty() ? Mat() : b[i]));
        block.convs[TRANSPOSED].push_back(block.convs[PLAIN].back().transposed());
    }
    return block;
}

void ConsensusNetImpl::addBlock(InputArrayOfArrays weights, InputArrayOfArrays biases, bool joined)
{
    Block block = makeBlock(weights, biases);
    const int expected = blocks.empty() ? 1 : blocks.back().outChannels();
    if (block.inChannels() != expected)
        CV_Error(Error::StsUnmatchedSizes, format("block %d takes %d channels, expected %d (%s)", getBlockCount(),
                                                  block.inChannels(), expected,
                                                  blocks.empty() ? "the correlation" : "what the block before gives"));
    if (joined && blocks.empty())
        CV_Error(Error::StsBadArg, "joined is true for the first block, expected false: there is no block before");
    block.joined = joined;
    blocks.push_back(block);
}

void ConsensusNetImpl::checkBlockIndex(int i) const
{
    if (blocks.empty())
        CV_Error(Error::StsOutOfRange, format("block index is %d, but the net has no blocks; expected addBlock before", i));
    semcorr::checkRange(i, 0, getBlockCount() - 1, "block index");
}

void ConsensusNetImpl::getBlock(int i, std::vector<Mat>& weights, std::vector<Mat>& biases) const
{
    checkBlockIndex(i);
    weights.clear();
    biases.clear();
    for (size_t j = 0; j < blocks[i].convs[PLAIN].size(); j++)
    {
        weights.push_back(blocks[i].convs[PLAIN][j].weights().clone());
        biases.push_back(blocks[i].convs[PLAIN][j].bias().clone());
    }
}

void ConsensusNetImpl::setBlock(int i, InputArrayOfArrays weights, InputArrayOfArrays biases)
{
    checkBlockIndex(i);
    Block block = makeBlock(weights, biases);
    const std::vector<Conv4dLayer>& old = blocks[i].convs[PLAIN];
    bool same = block.convs[PLAIN].size() == old.size();
    for (size_t j = 0; same && j < old.size(); j++)
        same = block.convs[PLAIN][j].weights().size == old[j].weights().size;
    if (!same)
        CV_Error(Error::StsUnmatchedSizes, format("weights of block %d begin with %s in %d convolution(s), expected %s in %d", i,
                                                  shapeOf(block.convs[PLAIN][0].weights()).c_str(),
                                                  (int)block.convs[PLAIN].size(), shapeOf(old[0].weights()).c_str(),
                                                  (int)old.size()));
    block.joined = blocks[i].joined;
    blocks[i] = block;
}

bool ConsensusNetImpl::isJoined(int i) const
{
    checkBlockIndex(i);
    return blocks[i].joined;
}

void ConsensusNetImpl::setResidual(double a)
{
    if (!(std::abs(a) < 1e30))
        CV_Error(Error::StsOutOfRange, format("residual is %g, expected a finite value below 1e30 in size", a));
    residual = a;
}

void ConsensusNetImpl::checkComplete() const
{
    if (blocks.empty())
        CV_Error(Error::StsError, "the consensus net has no blocks, expected at least one (addBlock)");
    if (blocks.back().outChannels() != 1)
        CV_Error(Error::StsError, format("the consensus net ends in %d channels, expected 1", blocks.back().outChannels()));
}

bool ConsensusNetImpl::isConstant() const
{
    for (size_t i = 0; residual == 0 && i < blocks.size(); i++)
    {
        bool zero = true;
        for (size_t j = 0; zero && j < blocks[i].convs[PLAIN].size(); j++)
            zero = norm(blocks[i].convs[PLAIN][j].weights(), NORM_INF) == 0;
        if (zero)
            return true;
    }
    return false;
}

// What is summed with its own transpose: the whole net, or each block with those joined to it.
std::vector<ConsensusNetImpl::Unit> ConsensusNetImpl::units() const
{
    std::vector<Unit> result;
    for (int i = 0; i < getBlockCount(); i++)
    {
        if (i == 0 || (symmetry == SYMMETRY_BLOCK && !blocks[i].joined))
        {
            const Unit unit = { i, i };
            result.push_back(unit);
        }
        result.back().last = i + 1;
    }
    return result;
}

// How far a block looks: the largest radius of its parallel kernels. Under SYMMETRY_BLOCK both orientations look equally
// far, so that their valid outputs can be added.
Vec4i ConsensusNetImpl::radius(int block, int orientation) const
{
    Vec4i r(0, 0, 0, 0);
    const std::vector<Conv4dLayer>& convs = blocks[block].convs[orientation];
    for (size_t i = 0; i < convs.size(); i++)
        r = maxOf(r, radiusOf(convs[i]));
    return symmetry == SYMMETRY_BLOCK ? maxOf(r, swapGrids(r)) : r;
}

Vec4i ConsensusNetImpl::radius(const Unit& unit, int orientation) const
{
    Vec4i r(0, 0, 0, 0);
    for (int i = unit.first; i < unit.last; i++)
        r += radius(i, orientation);
    return r;
}

Vec4i ConsensusNetImpl::radius() const
{
    const Unit all = { 0, getBlockCount() };
    const Vec4i r = radius(all, PLAIN);
    return symmetry == SYMMETRY_NONE ? r : maxOf(r, swapGrids(r));
}

// One layer. src {…, in}, dst {…, out} of src's grids + 2·(pad − radius); pad counts from the block's radius.
void ConsensusNetImpl::runBlock(int block, int orientation, const Mat& src, const Vec4i& pad, Mat& dst, bool accumulate) const
{
    const bool relu = lastActivation || block + 1 < getBlockCount();
    const Vec4i r = radius(block, orientation);
    const std::vector<Conv4dLayer>& convs = blocks[block].convs[orientation];
    int channel = 0;
    for (size_t i = 0; i < convs.size(); i++)
    {
        convs[i].apply(src, pad - r + radiusOf(convs[i]), dst, channel, relu, accumulate);
        channel += convs[i].outChannels();
    }
}

// Whether Conv4dPair does the unit's two layers in one sweep, in both orientations
bool ConsensusNetImpl::isPair(const Unit& unit) const
{
    if (unit.last != unit.first + 2)
        return false;
    const std::vector<Conv4dLayer>&first = blocks[unit.first].convs[PLAIN], &second = blocks[unit.first + 1].convs[PLAIN];
    return first.size() == 1 && second.size() == 1 && Conv4dPair::fits(first[0], second[0]);
}

bool ConsensusNetImpl::isPair() const
{
    const std::vector<Unit> all = units();
    return all.size() == 1 && isPair(all[0]);
}

// unit(x) [+ unit(xᵀ)ᵀ] over a whole volume: each layer pads to "same" size (PADDING_LAYER), or the first pads for all of
// them (PADDING_INPUT; under SYMMETRY_BLOCK each unit's first).
void ConsensusNetImpl::runUnit(const Unit& unit, const Mat& src, Mat& result) const
{
    const Vec4i grids = gridsOf(src);
    const bool pair = isPair(unit), relu = lastActivation || unit.last < getBlockCount();
    for (int orientation = 0; orientation < orientations(); orientation++)
    {
        if (pair)
        {
            const Conv4dPair layers(blocks[unit.first].convs[orientation][0], blocks[unit.first + 1].convs[orientation][0]);
            const bool last = orientation + 1 == orientations();
            layers.apply(src, padding, result, relu, orientation > 0, isPair() && last ? residual : 0);
            continue;
        }
        Mat x = src;
        Vec4i margin = padding == PADDING_INPUT ? radius(unit, orientation) : Vec4i(0, 0, 0, 0);  // cells around the grids
        for (int i = unit.first; i < unit.last; i++)
        {
            const Vec4i r = radius(i, orientation);
            const Vec4i pad = padding == PADDING_LAYER ? r : i == unit.first ? margin : Vec4i(0, 0, 0, 0);
            if (padding == PADDING_INPUT)
                margin -= r;
            Mat y = i + 1 < unit.last ? makeActivations(grids + 2 * margin, blocks[i].outChannels()) : result;
            runBlock(i, orientation, x, pad, y, i + 1 == unit.last && orientation > 0);
            x = y;
        }
    }
}

// x += residual · c, both {n1, n2}
static void addResidual(const Mat& c, double residual, Mat x)
{
    parallel_for_(Range(0, c.rows), [&](const Range& range)
    {
        Mat sums = x.rowRange(range);
        scaleAdd(c.rowRange(range), residual, sums, sums);
    }, c.total() / 65536.);
}

void ConsensusNetImpl::forward(InputArray corr, OutputArray scores) const
{
    CV_INSTRUMENT_REGION();
    checkComplete();
    const Mat c = getVolume(corr, "corr");
    const Vec4i grids = gridsOf(c);
    const int shape[] = { grids[0], grids[1], grids[2], grids[3], 1 };
    scores.create(4, shape, CV_32F);
    Mat dst = scores.getMat(), x = c.reshape(1, 5, shape);
    // straight into the output, where that is not the input, too
    const bool apart = dst.isContinuous() && (dst.datastart >= c.dataend || dst.dataend <= c.datastart);
    const std::vector<Unit> all = units();
    for (size_t i = 0; i < all.size(); i++)
    {
        const bool last = i + 1 == all.size();
        Mat y = last && apart ? dst.reshape(1, 5, shape) : makeActivations(grids, blocks[all[i].last - 1].outChannels());
        runUnit(all[i], x, y);
        x = y;
    }
    if (residual != 0 && !isPair())
        addResidual(c.reshape(1, grids[0] * grids[1]), residual, x.reshape(1, grids[0] * grids[1]));
    if (!apart)
        x.reshape(1, 4, shape).copyTo(dst);
}

bool ConsensusNetImpl::streams() const
{
    return orientations() == 1 && isPair();
}

void ConsensusNetImpl::forward(const Vec4i& grids, PairStream& stream) const
{
    const Conv4dPair layers(blocks[0].convs[PLAIN][0], blocks[1].convs[PLAIN][0]);
    layers.apply(grids, padding, lastActivation, residual, stream);
}

NetCost ConsensusNetImpl::cost(const Vec4i& grids, bool streamed) const
{
    NetCost total = { 0, 0, 0, Vec3i() };
    const std::vector<Unit> all = units();
    for (size_t u = 0; u < all.size(); u++)
        for (int orientation = 0; orientation < orientations(); orientation++)
        {
            // src and result of the unit, where they are not the net's own input and output
            const int64 sites = sitesOf(grids);
            const size_t ends = (u > 0 ? sites * blocks[all[u].first].inChannels() : 0) +
                                (u + 1 < all.size() ? sites * blocks[all[u].last - 1].outChannels() : 0);
            Vec4i margin = padding == PADDING_INPUT ? radius(all[u], orientation) : Vec4i(0, 0, 0, 0);
            size_t before = 0, workspace = 0;
            for (int i = all[u].first; i < all[u].last; i++)
            {
                if (padding == PADDING_INPUT)
                    margin -= radius(i, orientation);
                const bool last = i + 1 == all[u].last;
                const Vec4i out = grids + 2 * margin;
                const size_t after = last ? 0 : (size_t)sitesOf(out) * blocks[i].outChannels();
                size_t scratch = 0;
                for (size_t j = 0; j < blocks[i].convs[orientation].size(); j++)
                {
                    const Conv4dLayer& conv = blocks[i].convs[orientation][j];
                    const Vec4i k = conv.kernel();
                    total.macs += (double)sitesOf(out) * conv.inChannels() * conv.outChannels() * sitesOf(k);
                    scratch = std::max(scratch, conv.scratchBytes(grids + 2 * margin));
                }
                workspace = std::max(workspace, (before + after) * sizeof(float) + scratch);
                if (i + 1 < getBlockCount())
                    total.hiddenSites += sitesOf(out);
                before = after;
            }
            if (isPair(all[u]))
                workspace = Conv4dPair::scratchBytes(grids, padding, blocks[all[u].first].outChannels(),
                                                     std::max(getNumThreads(), 1), streamed, &total.parts);
            total.workspace = std::max(total.workspace, ends * sizeof(float) + workspace);
        }
    return total;
}

}}
