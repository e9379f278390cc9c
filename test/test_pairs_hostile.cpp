// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_pairs.hpp"

namespace opencv_test { namespace {

// Damaged files give an error that says something, or pairs that can be evaluated; never a crash.
class Semcorr_HostilePairs : public Semcorr_Pairs
{
protected:
    // Reads the data set with the file at every length and with random bytes changed, inserted and left out.
    void attack(const std::string& name, const std::string& dataset, const std::string& split)
    {
        const std::string good = readAll(path(name));
        ASSERT_FALSE(good.empty());
        for (size_t size = 0; size <= good.size(); size += good.size() > 400 ? 7 : 1)
            readDamaged(name, good.substr(0, size), dataset, split);
        for (int i = 0; i < 150; i++)
        {
            std::string bad = good;
            for (int n = theRNG().uniform(1, 4); n > 0; n--)
                bad[theRNG().uniform(0, (int)bad.size())] = (char)theRNG().uniform(0, 256);
            if (i % 3 == 0)
                bad.erase(theRNG().uniform(0, (int)bad.size()), theRNG().uniform(1, 20));
            if (i % 3 == 1)
                bad.insert(theRNG().uniform(0, (int)bad.size()), bad.substr(theRNG().uniform(0, (int)bad.size()), 20));
            readDamaged(name, bad, dataset, split);
        }
        writeAll(path(name), good);
        EXPECT_FALSE(read(dataset, split).empty());
    }

    void readDamaged(const std::string& name, const std::string& content, const std::string& dataset, const std::string& split)
    {
        writeAll(path(name), content);
        try
        {
            for (const ImagePair& pair : read(dataset, split))
            {
                ASSERT_EQ(pair.points1.rows, pair.points2.rows);
                ASSERT_TRUE(pair.points1.empty() || (cv::checkRange(pair.points1) && cv::checkRange(pair.points2)));
            }
        }
        catch (const cv::Exception& e)
        {
            ASSERT_NE((int)Error::StsAssert, e.code) << e.err;
            ASSERT_NE((int)Error::StsNoMem, e.code) << e.err;
            ASSERT_GT(e.err.size(), 10u);
        }
    }
};

TEST_F(Semcorr_HostilePairs, csv)
{
    writePicture("Car/one.png", 400, 300);
    write("val_pairs.csv", "imageA,imageB,XA1,XA2,YA1,YA2,XB1,XB2,YB1,YB2\nCar/one.png,Car/one.png,1.5,2,3,4.25,5,6,7,8\n");
    attack("val_pairs.csv", "csv", "val");
    attack("Car/one.png", "csv", "val");
}

TEST_F(Semcorr_HostilePairs, pf_willow)
{
    makePFWillow();
    attack("test_pairs.csv", "pfwillow", "test");
}

TEST_F(Semcorr_HostilePairs, pf_pascal)
{
    makePFPascal();
    attack("image_pairs/test_pairs.csv", "pfpascal", "test");
    attack("image_pairs/train_pairs.csv", "pfpascal", "train");
    attack("image_pairs/train_pairs.csv", "pfpascal", "test");
    attack("PF-dataset-PASCAL/Annotations/cow/2008_a.mat", "pfpascal", "train");
    write("PF-dataset-PASCAL/Annotations/cow/2009_b.mat", compressedMatFile());
    attack("PF-dataset-PASCAL/Annotations/cow/2009_b.mat", "pfpascal", "train");
}

TEST_F(Semcorr_HostilePairs, spair)
{
    makeSPair();
    attack("Layout/large/test.txt", "spair", "test");
    attack("PairAnnotation/test/000007-2008_a-2009_b:aeroplane.json", "spair", "test");
}

TEST_F(Semcorr_HostilePairs, tss)
{
    makeTSS();
    attack("JODS/car01/flip_gt.txt", "tss", "JODS");
    attack("JODS/car01/flow1.flo", "tss", "JODS");
}

// Nested too deeply for a parser that calls itself
TEST_F(Semcorr_HostilePairs, spair_of_many_brackets)
{
    makeSPair();
    const std::string name = path("PairAnnotation/test/000007-2008_a-2009_b:aeroplane.json");
    for (const char* bracket : { "[", "{\"a\":" })
        for (int depth : { 1000, 100000 })
        {
            std::string nested = "{\"a\":";
            for (int i = 0; i < depth; i++)
                nested += bracket;
            writeAll(name, nested);
            EXPECT_ERROR(read("spair", "test"), "the file is not as expected: valid JSON");
        }
    writeAll(name, std::string(2 << 20, ' '));
    EXPECT_ERROR(read("spair", "test"), "has 2097152 bytes, expected at most 1048576");
}

TEST_F(Semcorr_HostilePairs, texts_that_are_not_utf8)
{
    write("x.csv", "imageA,imageB,XA1,YA1,XB1,YB1\n\xff\xfe.png,\xff.png,1,2,3,4\n");
    EXPECT_ERROR(read("csv", "x.csv"), "/?\?.png\" is missing");
}

}}
