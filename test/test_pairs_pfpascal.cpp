// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_pairs.hpp"

namespace opencv_test {

static std::string number(unsigned n, int bytes, bool bigEndian)
{
    std::string text;
    for (int i = 0; i < bytes; i++)
        text += (char)(n >> 8 * (bigEndian ? bytes - 1 - i : i));
    return text;
}

static std::string padded(const std::string& data)
{
    return data + std::string((8 - data.size() % 8) % 8, '\0');
}

std::string matFile(const std::vector<std::pair<std::string, Mat> >& variables, bool bigEndian)
{
    const auto tag = [&](unsigned type, size_t size) { return number(type, 4, bigEndian) + number((unsigned)size, 4, bigEndian); };
    std::string file = "MATLAB 5.0 MAT-file, written by a test";
    file += std::string(124 - file.size(), ' ') + number(0x0100, 2, bigEndian) + (bigEndian ? "MI" : "IM");
    for (const std::pair<std::string, Mat>& variable : variables)
    {
        const Mat& m = variable.second;
        std::string values;
        for (int x = 0; x < m.cols; x++)
            for (int y = 0; y < m.rows; y++)
            {
                const char* p = reinterpret_cast<const char*>(m.ptr<double>(y, x));
                values += bigEndian ? std::string(std::reverse_iterator<const char*>(p + 8), std::reverse_iterator<const char*>(p))
                                    : std::string(p, 8);
            }
        const std::string matrix =
            tag(6, 8) + number(6, 4, bigEndian) + number(0, 4, bigEndian) +                        // class: double
            tag(5, 8) + number(m.rows, 4, bigEndian) + number(m.cols, 4, bigEndian) +              // dimensions
            tag(1, variable.first.size()) + padded(variable.first) + tag(9, values.size()) + values;
        file += tag(14, matrix.size()) + matrix;
    }
    return file;
}

std::string compressedMatFile()
{
    static const char hex[] =
        "0f0000002e000000789ce3636060b000623620e600621606086085f2198198194a83c49273128b8b81b400503439bf9c010038ce03e2"
        "0f0000003a000000789ce36360604800623620e680d220c00ae53303311310330259d905c50c9c40b601030ca83a40e81ff510da0eca37"
        "41155fe0e20000f8a00789"
        "0f0000002e000000789ce3636060b000623620e600626e06086085f2198198054cb3302425e557b040c59981fc14860a06003acc0311";
    std::string file = matFile({});  // the same 128 bytes go first
    for (size_t i = 0; i + 1 < sizeof(hex); i += 2)
        file += (char)std::stoi(std::string(hex + i, 2), nullptr, 16);
    return file;
}

static const double NONE = std::numeric_limits<double>::quiet_NaN();

void Semcorr_Pairs::makePFPascal() const
{
    const std::string jpeg = "PF-dataset-PASCAL/JPEGImages/", annotations = "PF-dataset-PASCAL/Annotations/cow/";
    writePicture(jpeg + "2008_a.jpg", 200, 100);
    writePicture(jpeg + "2009_b.jpg", 300, 150);
    writePicture(jpeg + "2010_c.jpg", 50, 60);
    const Mat box = (Mat_<double>(1, 4) << 11, 21, 111, 81);
    const Mat a = (Mat_<double>(3, 2) << 11, 21, NONE, NONE, 31.5, 41), b = (Mat_<double>(3, 2) << 1, 2, 3, 4, 5, 6.25);
    write(annotations + "2008_a.mat", matFile({ { "kps", a }, { "bbox", box } }));
    write(annotations + "2009_b.mat", matFile({ { "bbox", box * 2 }, { "kps", b } }));
    write("image_pairs/train_pairs.csv", "source_image,target_image,class,flip\n" +
          jpeg + "2008_a.jpg," + jpeg + "2009_b.jpg,10,0\n" + jpeg + "2008_a.jpg," + jpeg + "2009_b.jpg,10,1\n");
    write("image_pairs/test_pairs.csv", "source_image,target_image,class,XA,YA,XB,YB\n" +
          jpeg + "2009_b.jpg," + jpeg + "2008_a.jpg,10,10;20.5,30;40,50;60,70;81\n" +
          jpeg + "2009_b.jpg," + jpeg + "2010_c.jpg,20,10,30,50,70\n");
}

namespace {

// Lists of the keypoints in the list itself, counted from 1; boxes from the annotations, where there are any
TEST_F(Semcorr_Pairs, pf_pascal_test)
{
    makePFPascal();
    const std::vector<ImagePair> pairs = read("pfpascal", "test");
    ASSERT_EQ(2u, pairs.size());
    EXPECT_EQ("2009_b.jpg:2008_a.jpg", pairs[0].id);
    EXPECT_EQ("cow", pairs[0].category);
    EXPECT_EQ("tvmonitor", pairs[1].category);
    EXPECT_EQ(path("PF-dataset-PASCAL/JPEGImages/2009_b.jpg"), pairs[0].image1);
    EXPECT_EQ(Size(300, 150), pairs[0].size1);
    EXPECT_EQ(Size(200, 100), pairs[0].size2);
    EXPECT_TRUE(hasPoints(pairs[0].points1, { { 9, 29 }, { 19.5f, 39 } }));
    EXPECT_TRUE(hasPoints(pairs[0].points2, { { 49, 69 }, { 59, 80 } }));
    EXPECT_EQ(Rect2d(21, 41, 200, 120), pairs[0].box1);
    EXPECT_EQ(Rect2d(10, 20, 100, 60), pairs[0].box2);
    EXPECT_TRUE(pairs[1].box1.empty());
    EXPECT_EQ(1, pairs[0].leaked);  // a and b the other way round
    EXPECT_EQ(0, pairs[1].leaked);
    EXPECT_FALSE(pairs[0].flip1 || pairs[0].flip2);
    std::remove(path("image_pairs/train_pairs.csv").c_str());
    EXPECT_EQ(-1, read("pfpascal", "test")[0].leaked);
}

// Keypoints of the annotations that both pictures show; the second pair is the first one mirrored
TEST_F(Semcorr_Pairs, pf_pascal_train)
{
    makePFPascal();
    for (const char* layout : { "as NC-Net has it", "as CHM has it" })
    {
        const std::vector<ImagePair> pairs = read("pfpascal", "trn");
        ASSERT_EQ(2u, pairs.size()) << layout;
        EXPECT_TRUE(hasPoints(pairs[0].points1, { { 10, 20 }, { 30.5f, 40 } }));
        EXPECT_TRUE(hasPoints(pairs[0].points2, { { 0, 1 }, { 4, 5.25f } }));
        EXPECT_EQ(Rect2d(10, 20, 100, 60), pairs[0].box1);
        EXPECT_FALSE(pairs[0].flip1 || pairs[0].flip2);
        EXPECT_TRUE(pairs[1].flip1 && pairs[1].flip2);
        EXPECT_EQ("2008_a.jpg:2009_b.jpg#2", pairs[1].id);
        EXPECT_TRUE(hasPoints(pairs[1].points1, { { 189, 20 }, { 168.5f, 40 } }));
        EXPECT_TRUE(hasPoints(pairs[1].points2, { { 299, 1 }, { 295, 5.25f } }));
        EXPECT_EQ(Rect2d(89, 20, 100, 60), pairs[1].box1);
        EXPECT_EQ(Rect2d(78, 41, 200, 120), pairs[1].box2);
        EXPECT_EQ(-1, pairs[0].leaked);
        std::rename(path("PF-dataset-PASCAL/JPEGImages").c_str(), path("JPEGImages").c_str());
        std::rename(path("PF-dataset-PASCAL/Annotations").c_str(), path("Annotations").c_str());
        std::rename(path("image_pairs/train_pairs.csv").c_str(), path("trn_pairs.csv").c_str());
    }
}

TEST_F(Semcorr_Pairs, pf_pascal_errors)
{
    makePFPascal();
    const std::string list = "image_pairs/train_pairs.csv", annotation = "PF-dataset-PASCAL/Annotations/cow/2009_b.mat";
    const std::string good = readAll(path(list)), place = path(list) + ":3: ";
    EXPECT_ERROR(read("pfpascal", "large"), "split is \"large\", expected \"train\", \"val\" or \"test\"");
    EXPECT_ERROR(read("pfpascal", "val"), "val_pairs.csv\" (or image_pairs/val_pairs.csv) is missing");
    write(list, replaced(good, "10,1\n", "21,1\n"));
    EXPECT_ERROR(read("pfpascal", "train"), place + "class is 21, expected a number in [1, 20]");
    write(list, replaced(good, "10,1\n", "10.5,1\n"));
    EXPECT_ERROR(read("pfpascal", "train"), place + "\"10.5\" is no integer");
    write(list, replaced(good, "10,1\n", "9,1\n"));
    EXPECT_ERROR(read("pfpascal", "train"), place + "annotation \"");
    write(list, good);
    write(annotation, matFile({ { "kps", Mat(2, 2, CV_64F, Scalar(1)) } }));
    EXPECT_ERROR(read("pfpascal", "train"), ":2: the annotations of the pictures have 3 and 2 keypoints");
    write(annotation, matFile({ { "kps", Mat(2, 3, CV_64F, Scalar(1)) } }));
    EXPECT_ERROR(read("pfpascal", "train"), "2009_b.mat\": variable kps is 2 x 3, expected N x 2");
    write(annotation, matFile({ { "bbox", Mat(2, 3, CV_64F, Scalar(1)) } }));
    EXPECT_ERROR(read("pfpascal", "train"), "2009_b.mat\": variable kps is 0 x 0");
    write(annotation, matFile({ { "kps", Mat(3, 2, CV_64F, Scalar(1)) }, { "bbox", Mat(1, 3, CV_64F, Scalar(1)) } }));
    EXPECT_ERROR(read("pfpascal", "train"), "2009_b.mat\": variable bbox is 1 x 3, expected 1 x 4");
    write("image_pairs/test_pairs.csv", replaced(readAll(path("image_pairs/test_pairs.csv")), "10;20.5,30;40", "10;20.5,30"));
    EXPECT_ERROR(read("pfpascal", "test"), ":2: the lists of coordinates have 2 and 1 values");
    // all at once: the annotation is said once, the picture, too
    std::remove(path("PF-dataset-PASCAL/JPEGImages/2008_a.jpg").c_str());
    EXPECT_EQ(3u, checkDataset("pfpascal", folder, "train").size());
}

// What the annotations' files may look like: byte order, other variables, types of numbers, compression
class Semcorr_MatFile : public Semcorr_Pairs
{
protected:
    void SetUp() CV_OVERRIDE
    {
        Semcorr_Pairs::SetUp();
        makePFPascal();
    }

    ImagePair readWith(const std::string& content) const
    {
        write("PF-dataset-PASCAL/Annotations/cow/2009_b.mat", content);
        return read("pfpascal", "train")[0];
    }

    const Mat keypoints = (Mat_<double>(3, 2) << 11, 21, NONE, NONE, 31, 42.25);
};

TEST_F(Semcorr_MatFile, either_byte_order_and_other_variables)
{
    for (bool bigEndian : { false, true })
    {
        std::string file = matFile({ { "a", Mat() }, { "another", randomFloats({ 3, 5 }) }, { "kps", keypoints } }, bigEndian);
        const ImagePair pair = readWith(file);
        EXPECT_TRUE(hasPoints(pair.points2, { { 10, 20 }, { 30, 41.25f } }));
        EXPECT_TRUE(pair.box2.empty());
    }
}

TEST_F(Semcorr_MatFile, compressed_and_of_small_types)
{
    const std::string file = compressedMatFile();
    const ImagePair pair = readWith(file);
    EXPECT_TRUE(hasPoints(pair.points2, { { 9.5f, 19 }, { 29, 40.25f } }));
    EXPECT_EQ(Rect2d(2, 3, 97, 116), pair.box2);
    // the checksum, and the end
    std::string damaged = file;
    damaged[file.size() - 1] ^= 1;
    EXPECT_ERROR(readWith(damaged), "2009_b.mat\": the file is damaged");
    EXPECT_ERROR(readWith(file.substr(0, file.size() - 1)), "2009_b.mat\": the file is damaged");
}

TEST_F(Semcorr_MatFile, other_versions_and_files)
{
    const std::string good = matFile({ { "kps", keypoints } });
    EXPECT_ERROR(readWith(""), "2009_b.mat\": this is no MAT file");
    EXPECT_ERROR(readWith("MATLAB 5.0"), "this is no MAT file");
    EXPECT_ERROR(readWith(replaced(good, "MATLAB", "octave")), "this is no MAT file");
    EXPECT_ERROR(readWith(replaced(good, std::string("\0\1IM", 4), std::string("\0\2IM", 4))), "of version 2, expected 1");
    EXPECT_ERROR(readWith(good.substr(0, 128)), "variable kps is 0 x 0");
    // 2 x 5 numbers are announced and 6 there; then -3 x -2
    const std::string size("\3\0\0\0\2\0\0\0", 8), larger("\5\0\0\0\2\0\0\0", 8), negative("\xfd\xff\xff\xff\xfe\xff\xff\xff", 8);
    EXPECT_ERROR(readWith(replaced(good, size, larger)), "the file is damaged");
    EXPECT_ERROR(readWith(replaced(good, size, negative)), "the file is damaged");
}

// Annotations are small; what is larger than 1 MiB is neither read nor inflated any further.
TEST_F(Semcorr_MatFile, large_variables_are_passed_over)
{
    const std::string file = matFile({ { "kps", Mat::zeros(70000, 2, CV_64F) } }), head = file.substr(0, 128);
    EXPECT_ERROR(readWith(file), "variable kps is 0 x 0");
    std::string deflated = "\x78\x01";  // in stored blocks, without the end
    for (size_t i = head.size(); i < file.size(); i += 0xFFFF)
    {
        const std::string block = file.substr(i, 0xFFFF);
        const unsigned size = (unsigned)block.size();
        deflated += std::string(1, '\0') + number(size, 2, false) + number(~size, 2, false) + block;
    }
    EXPECT_ERROR(readWith(head + number(15, 4, false) + number((unsigned)deflated.size(), 4, false) + deflated),
                 "variable kps is 0 x 0");
}

// The lists of the real data set, where they are at hand; its pictures are not, so heads of pictures stand for them.
TEST_F(Semcorr_Pairs, pf_pascal_leak_of_the_real_lists)
{
    const char* shared = std::getenv("SEMCORR_SHARED");
    if (!shared)
        throw SkipTestException("SEMCORR_SHARED is not set");
    for (const char* name : { "train_pairs.csv", "test_pairs.csv" })
        write(name, readAll(std::string(shared) + "/data/pf-pascal/" + name));
    std::istringstream list(readAll(path("test_pairs.csv")));
    std::string line;
    for (std::getline(list, line); std::getline(list, line);)
    {
        std::istringstream cells(line);
        std::string picture;
        for (int i = 0; i < 2 && std::getline(cells, picture, ','); i++)
            writePicture(picture, 500, 400);
    }
    const std::vector<ImagePair> pairs = read("pfpascal", "test");
    EXPECT_EQ(299u, pairs.size());
    int leaked = 0;
    for (const ImagePair& pair : pairs)
        leaked += pair.leaked;
    EXPECT_EQ(95, leaked);
    EXPECT_EQ("aeroplane", pairs[0].category);
    EXPECT_EQ(11, pairs[0].points1.rows);
    EXPECT_FLOAT_EQ(252.631662222222f, pairs[0].points1.at<Point2f>(0).x);
}

}}
