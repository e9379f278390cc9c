// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"
#include <atomic>

namespace opencv_test { namespace {

using namespace semcorr;

// Counts the bytes that Mats hold
class CountingAllocator CV_FINAL : public MatAllocator
{
public:
    CountingAllocator() : now(0), peak(0) { Mat::setDefaultAllocator(this); }
    ~CountingAllocator() { Mat::setDefaultAllocator(Mat::getStdAllocator()); }
    UMatData* allocate(int dims, const int* sizes, int type, void* data, size_t* step, AccessFlag flags,
                       UMatUsageFlags usage) const CV_OVERRIDE
    {
        UMatData* u = Mat::getStdAllocator()->allocate(dims, sizes, type, data, step, flags, usage);
        u->prevAllocator = u->currAllocator = this;
        const size_t held = now += u->size;
        for (size_t old = peak; held > old && !peak.compare_exchange_weak(old, held);) {}
        return u;
    }
    bool allocate(UMatData* u, AccessFlag, UMatUsageFlags) const CV_OVERRIDE { return u != 0; }
    void deallocate(UMatData* u) const CV_OVERRIDE
    {
        now -= u->size;
        Mat::getStdAllocator()->deallocate(u);
    }
    mutable std::atomic<size_t> now, peak;
};

TEST(Semcorr_Workspace, holds_no_more_than_the_workspace_it_states)
{
    const char* nets[] = { "nc_555", "nc_333", "anc_A", "anc_C" };
    for (int i = 0; i < 8; i++)
    {
        const bool selfSimilar = i >= 4;
        const Ptr<ConsensusNet> net = Golden(nets[i % 4]).net(i % 4 < 2 ? SYMMETRY_NET : SYMMETRY_BLOCK, i % 4 == 2 ? 2 : -1);
        const Ptr<Matcher> matcher = Matcher::create(makePtr<ColourFeatures>(16), net,
                                                     searchParams(SEARCH_AUTO, true, true, REFINE_PARABOLA));
        const Mat f1 = randomFeatures(11, 8, 4), f2 = randomFeatures(9, 10, 4);
        Mat field;
        std::vector<Mat> weights, biases;
        if (selfSimilar)
        {
            weights.push_back(randomFloats({ 3, 25, 3, 3 }));
            biases.push_back(randomFloats({ 3 }));
            matcher->setSelfSimilarity(weights, biases);
        }
        size_t peak;
        {
            CountingAllocator counter;
            matcher->matchFeatures(f1, f2, field);
            peak = counter.peak;
            field.release();
        }
        const size_t results = 200 * (11 * 8 + 9 * 10);  // bytes per cell: positions, scores around them, confidence, way back
        EXPECT_LE(peak, matcher->getStats().peakWorkspace + results) << nets[i % 4] << (selfSimilar ? ", two branches" : "");
    }
}

// A limit that is too small is found before memory is taken.
TEST(Semcorr_Workspace, patchmatch_asks_before_it_packs_features)
{
    const Mat f = randomFeatures(40, 40, 256);  // 1.6 MB
    Matcher::Params params = searchParams(SEARCH_PATCHMATCH, false, false, REFINE_NONE);
    params.memoryLimit = 1 << 20;
    const Ptr<Matcher> matcher = Matcher::create(makePtr<ColourFeatures>(16), Golden("nc_33").net(SYMMETRY_NONE), params);
    Mat field;
    CountingAllocator counter;
    EXPECT_ERROR(matcher->matchFeatures(f, f, field), "memoryLimit is 1.0 MB");
    EXPECT_LE((size_t)counter.peak, params.memoryLimit / 10);
}

TEST(Semcorr_Workspace, memory_limit)
{
    setNumThreads(2);  // each has its memory
    Matcher::Params params;
    params.memoryLimit = 2 << 20;
    params.mode = SEARCH_DENSE_4D;
    params.mutual = true;
    const Ptr<ConsensusNet> net = ConsensusNet::create();  // layers of NC-Net 5-5-5
    net->addBlock(randomFloats({ 16, 1, 5, 5, 5, 5 }));
    net->addBlock(randomFloats({ 16, 16, 5, 5, 5, 5 }));
    net->addBlock(randomFloats({ 1, 16, 5, 5, 5, 5 }));
    const Ptr<Matcher> matcher = Matcher::create(makePtr<ColourFeatures>(16), net, params);
    Mat field;
    matcher->matchFeatures(randomFeatures(5, 5, 4), randomFeatures(5, 5, 4), field);  // fits
    EXPECT_LE(matcher->getStats().peakWorkspace, params.memoryLimit);
    const Mat f = randomFeatures(25, 25, 4);
    std::string text;
    try
    {
        matcher->matchFeatures(f, f, field);
    }
    catch (const cv::Exception& e)
    {
        EXPECT_EQ(Error::StsNoMem, e.code);
        text = e.err;
    }
    EXPECT_NE(std::string::npos, text.find("memoryLimit is 2.1 MB")) << text;
    const size_t number = text.find("needs ");
    ASSERT_NE(std::string::npos, number) << text;
    const double needed = atof(text.c_str() + number + 6);
    EXPECT_GT(needed, 2 * 25 * 1.);  // two activations of 16 channels would be 50 MB
    EXPECT_LE(needed, 150) << text;
}

}}
