// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"
#include <fstream>

namespace opencv_test {

std::string semcorrData(const std::string& relative)
{
    const char* folder = std::getenv("SEMCORR_TESTDATA");
    const std::string path = std::string(folder ? folder : SEMCORR_TESTDATA_DIR) + "/" + relative;
    if (!std::ifstream(path.c_str()))
        CV_Error(Error::StsObjectNotFound, "no test data file " + path + "; set SEMCORR_TESTDATA to the module's testdata folder");
    return path;
}

Golden::Golden(const std::string& name) : storage(semcorrData("golden/" + name + ".yml.gz"), FileStorage::READ)
{
}

Mat Golden::operator[](const std::string& key) const
{
    Mat m;
    storage[key] >> m;
    if (m.empty())
        CV_Error(Error::StsObjectNotFound, "no array " + key + " in the golden file");
    return m;
}

Ptr<semcorr::ConsensusNet> Golden::net(int symmetry, int joinedBlock) const
{
    Ptr<semcorr::ConsensusNet> net = semcorr::ConsensusNet::create(symmetry, semcorr::PADDING_LAYER);
    for (int block = 0; has(format("weight_%d_0", block)); block++)
    {
        std::vector<Mat> weights, biases;
        for (int conv = 0; has(format("weight_%d_%d", block, conv)); conv++)
        {
            weights.push_back((*this)[format("weight_%d_%d", block, conv)]);
            biases.push_back((*this)[format("bias_%d_%d", block, conv)]);
        }
        net->addBlock(weights, biases, block == joinedBlock);
    }
    return net;
}

Mat randomFloats(const std::vector<int>& shape, double low, double high)
{
    Mat m((int)shape.size(), &shape[0], CV_32F);
    Mat flat = m.reshape(1, 1);
    randu(flat, low, high);
    return m;
}

Mat randomFeatures(int h, int w, int channels)
{
    Mat f = randomFloats({ h, w, channels });
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
        {
            Mat cell(1, channels, CV_32F, f.ptr<float>(y, x));
            cell /= cvtest::norm(cell, NORM_L2);
        }
    return f;
}

int randomSide(int largest)
{
    static const int special[] = { 1, 1, 2, 3, 5, 7, 11, 13 };
    const int side = special[theRNG().uniform(0, 8)];
    return theRNG().uniform(0, 2) && side <= largest ? side : theRNG().uniform(1, largest + 1);
}

Mat swapGrids(const Mat& volume)
{
    const int* n = volume.size.p;
    const int shape[] = { n[2], n[3], n[0], n[1] };
    return Mat(volume.reshape(1, n[0] * n[1]).t()).reshape(1, 4, shape);
}

std::string shapeText(const Mat& m)
{
    std::string text;
    for (int i = 0; i < m.dims; i++)
        text += format(i ? "x%d" : "%d", m.size[i]);
    return text + " " + typeToString(m.type());
}

static bool sameShape(const Mat& a, const Mat& b)
{
    return a.type() == b.type() && a.size == b.size;
}

testing::AssertionResult closeTo(const Mat& actual, const Mat& expected, double relative)
{
    if (!sameShape(actual, expected))
        return testing::AssertionFailure() << "is " << shapeText(actual) << ", expected " << shapeText(expected);
    const double difference = cvtest::norm(actual, expected, NORM_INF), allowed = relative * cvtest::norm(expected, NORM_INF);
    if (difference <= allowed)  // false for a difference that is not a number
        return testing::AssertionSuccess();
    return testing::AssertionFailure() << "differs by " << difference << ", allowed " << allowed << " (" << shapeText(actual) << ")";
}

semcorr::Matcher::Params searchParams(int mode, bool mutual, bool bidirectional, int refine)
{
    semcorr::Matcher::Params params;
    params.mode = mode;
    params.mutual = mutual;
    params.bidirectional = bidirectional;
    params.refine = refine;
    return params;
}

testing::AssertionResult sameBits(const Mat& actual, const Mat& expected)
{
    if (!sameShape(actual, expected))
        return testing::AssertionFailure() << "is " << shapeText(actual) << ", expected " << shapeText(expected);
    const Mat a = actual.clone(), b = expected.clone();
    if (a.empty() || memcmp(a.data, b.data, a.total() * a.elemSize()) == 0)
        return testing::AssertionSuccess();
    return testing::AssertionFailure() << "differs by " << cvtest::norm(a, b, NORM_INF) << ", expected equal bits ("
                                       << shapeText(a) << ")";
}

testing::AssertionResult failsWith(const std::function<void()>& action, const std::string& part)
{
    try
    {
        action();
    }
    catch (const cv::Exception& e)
    {
        if (e.code == Error::StsAssert)
            return testing::AssertionFailure() << "a failed assertion is no message for users: " << e.err;
        if (e.err.find(part) == std::string::npos)
            return testing::AssertionFailure() << "the error is \"" << e.err << "\", expected \"" << part << "\" in it";
        return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "no error, expected one with \"" << part << "\"";
}

void ColourFeatures::compute(InputArray image, OutputArray features)
{
    const Mat m = image.getMat();
    const Size grid(m.cols / stride, m.rows / stride);
    const int shape[] = { grid.height, grid.width, channels };
    features.create(3, shape, CV_32F);
    Mat f = features.getMat();
    for (int y = 0; y < grid.height; y++)
        for (int x = 0; x < grid.width; x++)
        {
            const Vec3b colour = m.at<Vec3b>((2 * y + 1) * m.rows / (2 * grid.height), (2 * x + 1) * m.cols / (2 * grid.width));
            RNG rng(1 + colour[0] + 256 * colour[1] + 65536 * colour[2]);
            Mat cell(1, channels, CV_32F, f.ptr<float>(y, x));
            rng.fill(cell, RNG::NORMAL, 0, 1);
            cell /= cvtest::norm(cell, NORM_L2);
        }
}

Ptr<semcorr::ConsensusNet> identityNet()
{
    Ptr<semcorr::ConsensusNet> net = semcorr::ConsensusNet::create(semcorr::SYMMETRY_NONE, semcorr::PADDING_LAYER);
    const int shape[] = { 1, 1, 1, 1, 1, 1 };
    net->addBlock(Mat(6, shape, CV_32F, Scalar(1)));
    return net;
}

}
