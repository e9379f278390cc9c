// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "checks.hpp"
#include <atomic>

namespace cv { namespace semcorr {

String shapeOf(const Mat& m)
{
    if (m.empty())
        return "empty";
    String s;
    for (int i = 0; i < m.dims; i++)
        s += format(i ? "x%d" : "%d", m.size[i]);
    return m.channels() > 1 ? s + format(" with %d channels", m.channels()) : s;
}

static Mat getFloats(InputArray a, const char* name)
{
    const Mat m = a.getMat();
    if (m.empty())
        CV_Error(Error::StsBadArg, format("%s is empty, expected an array of type CV_32F (float32)", name));
    if (m.depth() != CV_32F)
        CV_Error(Error::StsUnsupportedFormat, format("%s has type %s, expected CV_32F (float32)", name,
                                                     typeToString(m.type()).c_str()));
    if (m.total() * m.channels() > INT_MAX)  // a larger Mat never counts as continuous
        CV_Error(Error::StsOutOfRange, format("%s has %lld values, expected at most %d", name,
                                              (long long)m.total() * m.channels(), INT_MAX));
    return m.isContinuous() ? m : m.clone();
}

static void checkFinite(const Mat& m, const char* name)
{
    const Mat all = m.reshape(1, 1);
    std::atomic<bool> finite(true);
    parallel_for_(Range(0, all.cols), [&](const Range& range)
    {
        if (!cv::checkRange(all.colRange(range)))
            finite = false;
    }, getNumThreads());
    if (!finite)
        CV_Error(Error::StsBadArg, format("%s holds values that are not finite, expected finite ones", name));
}

static bool isZero(const Mat& m)
{
    const float* p = m.ptr<float>();
    return std::all_of(p, p + m.total(), [](float value) { return value == 0; });
}

Mat getFeatures(InputArray features, const char* name)
{
    Mat m = getFloats(features, name);
    if (m.dims == 2)
    {
        const int shape[] = { m.rows, m.cols, m.channels() };
        m = m.reshape(1, 3, shape);
    }
    if (m.dims != 3 || m.channels() != 1)
        CV_Error(Error::StsBadSize, format("%s is %s, expected height x width x channels", name, shapeOf(m).c_str()));
    checkFinite(m, name);
    return m;
}

void getFeaturePair(InputArray features1, InputArray features2, Mat& f1, Mat& f2)
{
    f1 = getFeatures(features1, "features1");
    f2 = getFeatures(features2, "features2");
    if (f1.size[2] != f2.size[2])
        CV_Error(Error::StsUnmatchedSizes, format("features1 has %d channels and features2 has %d, expected as many",
                                                  f1.size[2], f2.size[2]));
    if (isZero(f1) || isZero(f2))
        CV_Error(Error::StsBadArg, format("%s is all zero, expected features that can be correlated",
                                          isZero(f1) ? "features1" : "features2"));
}

Mat getVolume(InputArray volume, const char* name)
{
    const Mat m = getFloats(volume, name);
    if (m.dims != 4 || m.channels() != 1)
        CV_Error(Error::StsBadSize, format("%s is %s, expected h1 x w1 x h2 x w2", name, shapeOf(m).c_str()));
    return m;
}

Mat getActivations(InputArray activations, const char* name)
{
    const Mat m = getFloats(activations, name);
    if ((m.dims != 4 && m.dims != 5) || m.channels() != 1)
        CV_Error(Error::StsBadSize, format("%s is %s, expected channels x h1 x w1 x h2 x w2 or h1 x w1 x h2 x w2", name,
                                           shapeOf(m).c_str()));
    if (m.dims == 5)
        return m;
    const int shape[] = { 1, m.size[0], m.size[1], m.size[2], m.size[3] };
    return m.reshape(1, 5, shape);
}

Mat getField(InputArray field, const char* name)
{
    const Mat m = field.getMat();
    if (m.empty() || m.dims != 2 || m.type() != CV_32FC2)
        CV_Error(Error::StsBadArg, format("%s is %s of type %s, expected a 2-D array of type CV_32FC2", name,
                                          shapeOf(m).c_str(), typeToString(m.type()).c_str()));
    if (!cv::checkRange(m))
        CV_Error(Error::StsBadArg, format("%s holds values that are not finite, expected finite ones", name));
    return m;
}

Mat getPoints(InputArray points, const char* name)
{
    const Mat m = points.getMat();
    const int n = m.checkVector(2, -1, false);
    if (n <= 0)
        CV_Error(Error::StsBadSize, format("%s is %s, expected N x 2 values with N of at least 1", name, shapeOf(m).c_str()));
    Mat result;
    (m.isContinuous() ? m : m.clone()).reshape(2, n).convertTo(result, CV_32F);
    if (!cv::checkRange(result))
        CV_Error(Error::StsBadArg, format("%s holds coordinates that are not finite, expected finite ones", name));
    return result;
}

Mat getCells(InputArray cells, const Size& grid, const char* name)
{
    const Mat m = cells.getMat();
    const int n = m.checkVector(2, CV_32S, false);
    if (n <= 0)
        CV_Error(Error::StsBadSize, format("%s is %s of type %s, expected n x 2 values of type CV_32S with n of at least 1",
                                           name, shapeOf(m).c_str(), typeToString(m.type()).c_str()));
    const Mat result = (m.isContinuous() ? m : m.clone()).reshape(2, n);
    for (int i = 0; i < n; i++)
    {
        const Point p = result.at<Point>(i);
        if (p.x < 0 || p.y < 0 || p.x >= grid.width || p.y >= grid.height)
            CV_Error(Error::StsOutOfRange, format("%s[%d] is (%d, %d), expected a cell (x, y) of the %d x %d (width x height) grid",
                                                  name, i, p.x, p.y, grid.width, grid.height));
    }
    return result;
}

std::vector<Mat> getFloatMats(InputArrayOfArrays arrays, const char* name)
{
    std::vector<Mat> mats;
    if (arrays.empty())
        return mats;
    if (arrays.isMatVector() || arrays.isUMatVector() || arrays.kind() == _InputArray::STD_VECTOR_VECTOR)
        arrays.getMatVector(mats);
    else
        mats.assign(1, arrays.getMat());  // of a vector of numbers, too, which getMatVector would take for a list of them
    for (size_t i = 0; i < mats.size(); i++)
    {
        const String element = format("%s[%d]", name, (int)i);
        mats[i] = getFloats(mats[i], element.c_str()).clone();  // numpy owns the memory it came from
        if (mats[i].channels() != 1)
            CV_Error(Error::StsBadArg, format("%s is %s, expected one channel", element.c_str(), shapeOf(mats[i]).c_str()));
        checkFinite(mats[i], element.c_str());
    }
    return mats;
}

void checkKernel4d(const Mat& w, const String& name)
{
    const int maxKernel = 31, maxChannels = 1024;
    if (w.dims != 6)
        CV_Error(Error::StsBadSize, format("%s is %s, expected outChannels x inChannels x kh1 x kw1 x kh2 x kw2", name.c_str(),
                                           shapeOf(w).c_str()));
    for (int d = 2; d < 6; d++)
        if (w.size[d] % 2 == 0 || w.size[d] > maxKernel)
            CV_Error(Error::StsBadSize, format("%s is %s, expected odd kernel sizes of at most %d", name.c_str(),
                                               shapeOf(w).c_str(), maxKernel));
    if (w.size[0] > maxChannels || w.size[1] > maxChannels)
        CV_Error(Error::StsBadSize, format("%s is %s, expected at most %d channels", name.c_str(), shapeOf(w).c_str(),
                                           maxChannels));
}

void checkSize(const Size& size, const char* name)
{
    if (size.width < 1 || size.height < 1)
        CV_Error(Error::StsBadSize, format("%s is %d x %d, expected both sides of at least 1", name, size.width, size.height));
}

Mat getImage(InputArray image, const char* name)
{
    const Mat m = image.getMat();
    if (m.empty())
        CV_Error(Error::StsBadArg, format("%s is empty, expected an 8-bit BGR image (CV_8UC3)", name));
    if (m.dims != 2 || m.type() != CV_8UC3)
        CV_Error(Error::StsUnsupportedFormat, format("%s is %s of type %s, expected an 8-bit BGR image (CV_8UC3)", name,
                                                     shapeOf(m).c_str(), typeToString(m.type()).c_str()));
    if (m.rows < 2 || m.cols < 2)
        CV_Error(Error::StsBadSize, format("%s is %d x %d pixels, expected both sides of at least 2", name, m.cols, m.rows));
    return m;
}

void checkRange(int value, int low, int high, const char* name)
{
    if (value < low || value > high)
        CV_Error(Error::StsOutOfRange, format("%s is %d, expected a value in [%d, %d]", name, value, low, high));
}

void checkEnum(int value, int last, const char* name, const char* allowed)
{
    if (value < 0 || value > last)
        CV_Error(Error::StsBadFlag, format("%s is %d, expected %s", name, value, allowed));
}

}}
